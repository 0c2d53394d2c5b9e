"use strict";

/* The network, as grader/exercise/training.py trains it: float64, full batch, the notebook's order of operations.
   It runs in a worker that is made from this function's own text. Arrays hold one unit after the other, points contiguous.
   `fused` takes one pass over all points at once, where the network is small enough for one to be written for it. */
function network(fused) {
  const SIDE = 61, EDGE = 1.5, EVERY = 3; // the square that is coloured; a unit's own picture takes every third of its points

  function product(W, n, N, a, m, out) {
    for (let i = 0; i < n; i++) {
      const o = i * m;
      let k = 0;
      if (N % 2) {
        const w = W[i * N];
        for (let p = 0; p < m; p++) out[o + p] = w * a[p];
        k = 1;
      } else {
        const w = W[i * N], v = W[i * N + 1];
        for (let p = 0; p < m; p++) out[o + p] = w * a[p] + v * a[m + p];
        k = 2;
      }
      for (; k < N; k += 2) {
        const w = W[i * N + k], v = W[i * N + k + 1], x = k * m, y = x + m;
        for (let p = 0; p < m; p++) out[o + p] = out[o + p] + w * a[x + p] + v * a[y + p];
      }
    }
  }

  function norm(array) {
    let sum = 0;
    for (let i = 0; i < array.length; i++) sum += array[i] * array[i];
    return Math.sqrt(sum);
  }

  function room(layers, X, m) {
    return {m, A: layers.map((n, l) => (l ? new Float64Array(n * m) : X)), Z: new Float64Array(m)};
  }

  function forward(net, points) {
    const {layers, W, b} = net, {A, Z, m} = points, L = layers.length - 1;
    for (let l = 1; l <= L; l++) {
      const n = layers[l], a = A[l];
      product(W[l], n, layers[l - 1], A[l - 1], m, a);
      for (let i = 0; i < n; i++) {
        const c = b[l][i], o = i * m;
        if (l < L) {
          for (let p = 0; p < m; p++) {
            const z = a[o + p] + c;
            a[o + p] = z <= 0 ? 0 : z; // what is not a number stays so
          }
        } else {
          for (let p = 0; p < m; p++) {
            const z = a[o + p] + c;
            Z[p] = z;
            a[o + p] = 1 / (1 + Math.exp(-z));
          }
        }
      }
    }
  }

  function backward(net, points, Y, grads) {
    const {layers, W} = net, {A, m} = points, {dW, db, dZ} = grads, L = layers.length - 1, share = 1 / m;
    for (let p = 0; p < m; p++) dZ[L][p] = share * (A[L][p] - Y[p]);
    for (let l = L; l > 0; l--) {
      const n = layers[l], N = layers[l - 1], d = dZ[l], a = A[l - 1];
      for (let i = 0; i < n; i++) {
        const o = i * m;
        for (let k = 0; k < N; k++) {
          const x = k * m;
          let s = 0, t = 0, u = 0, v = 0; // m is a multiple of 4
          for (let p = 0; p < m; p += 4) {
            s += d[o + p] * a[x + p];
            t += d[o + p + 1] * a[x + p + 1];
            u += d[o + p + 2] * a[x + p + 2];
            v += d[o + p + 3] * a[x + p + 3];
          }
          dW[l][i * N + k] = (s + t) + (u + v);
        }
        let sum = 0;
        for (let p = 0; p < m; p++) sum += d[o + p];
        db[l][i] = sum;
      }
      if (l === 1) break;
      const below = dZ[l - 1];
      for (let k = 0; k < N; k++) {
        const x = k * m;
        const w0 = W[l][k];
        for (let p = 0; p < m; p++) below[x + p] = w0 * d[p];
        for (let i = 1; i < n; i++) {
          const w = W[l][i * N + k], o = i * m;
          for (let p = 0; p < m; p++) below[x + p] += w * d[o + p];
        }
        for (let p = 0; p < m; p++) below[x + p] *= a[x + p] > 0 ? 1 : 0;
      }
    }
  }

  /* The notebook's cost (inf where a wrong point's output is exactly 0 or 1) and the exact one, which stays finite. */
  function costs(points, Y) {
    const A = points.A[points.A.length - 1], {Z, m} = points;
    let printed = 0, exact = 0;
    for (let p = 0; p < m; p++) {
      const t = Y[p] ? A[p] : 1 - A[p], term = -Math.log(t);
      printed += term;
      exact += t > 1e-12 ? term : Z[p] === Z[p] ? Math.abs(Z[p]) : NaN;
    }
    return {printed: printed / m, exact: exact / m};
  }

  function accuracy(net, points, Y) {
    forward(net, points);
    const A = points.A[points.A.length - 1];
    let right = 0;
    for (let p = 0; p < points.m; p++) right += (A[p] > 0.5) === (Y[p] > 0.5) ? 1 : 0;
    return right / points.m;
  }

  function look(net, points, grads, iteration, cost) {
    const {layers} = net, {A, m} = points, L = layers.length - 1, dead = [];
    for (let l = 1; l < L; l++) {
      let count = 0;
      for (let i = 0; i < layers[l]; i++) {
        let alive = false;
        for (let p = 0; p < m && !alive; p++) alive = A[l][i * m + p] > 0;
        count += alive ? 0 : 1;
      }
      dead.push(count / layers[l]);
    }
    let saturated = 0;
    for (let p = 0; p < m; p++) saturated += Math.abs(A[L][p] - 0.5) > 0.499 ? 1 : 0;
    return {iteration, ...cost, norms: grads.dW.slice(1).map(norm), dead, saturated: saturated / m};
  }

  function square() {
    const X = new Float64Array(2 * SIDE * SIDE), m = SIDE * SIDE;
    for (let row = 0, p = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++, p++) {
        X[p] = -EDGE + (2 * EDGE * (column + 0.5)) / SIDE;
        X[m + p] = EDGE - (2 * EDGE * (row + 0.5)) / SIDE;
      }
    }
    return X;
  }

  /* NumPy's legacy generator: the Mersenne Twister, and normal numbers by the polar method, in pairs. */
  function generator(seed) {
    const words = new Uint32Array(624);
    let at = 624, spare = null;
    words[0] = seed;
    for (let i = 1; i < 624; i++) words[i] = Math.imul(1812433253, words[i - 1] ^ (words[i - 1] >>> 30)) + i;
    function word() {
      if (at === 624) {
        for (let i = 0; i < 624; i++) {
          const y = (words[i] & 0x80000000) | (words[(i + 1) % 624] & 0x7fffffff);
          words[i] = words[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
        }
        at = 0;
      }
      let y = words[at++];
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      return (y ^ (y >>> 18)) >>> 0;
    }
    const uniform = () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;
    function normal() {
      if (spare !== null) {
        const second = spare;
        spare = null;
        return second;
      }
      let x, y, square;
      do {
        x = 2 * uniform() - 1;
        y = 2 * uniform() - 1;
        square = x * x + y * y;
      } while (square >= 1 || square === 0);
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      spare = factor * x;
      return factor * y;
    }
    return {
      randn: normal, rand: uniform, narrow: () => uniform() - 0.5, centred: () => (uniform() - 0.5) * Math.sqrt(12),
    };
  }

  /* What each unit of a hidden layer puts out over the square: 0 to 255 of its own largest value. */
  function units(a, n) {
    const side = Math.ceil(SIDE / EVERY), values = new Uint8Array(n * side * side), size = SIDE * SIDE;
    for (let i = 0, at = 0; i < n; i++) {
      let most = 0;
      for (let p = i * size; p < (i + 1) * size; p++) if (a[p] > most) most = a[p];
      for (let row = 0; row < SIDE; row += EVERY) {
        for (let column = 0; column < SIDE; column += EVERY) values[at++] = most > 0 ? (255 * a[i * size + row * SIDE + column]) / most : 0;
      }
    }
    return {side, values};
  }

  function asleep(a, n, m) { // which units are 0 for every training point
    return Array.from({length: n}, (_, i) => {
      for (let p = i * m; p < (i + 1) * m; p++) if (!(a[p] <= 0)) return false;
      return true;
    });
  }

  /* One array, and a view of it for each layer. */
  function split(sizes) {
    const whole = new Float64Array(sizes.reduce((sum, size) => sum + size, 0)), views = [null];
    let at = 0;
    for (const size of sizes) {
      views.push(whole.subarray(at, at + size));
      at += size;
    }
    return [whole, views];
  }

  function train(job, tell) {
    const {layers, iterations, rate} = job, L = layers.length - 1, above = layers.slice(1);
    const weightCounts = above.map((n, l) => n * layers[l]);
    const [W, weights] = split(weightCounts), [b, biases] = split(above), [dW, weightGrads] = split(weightCounts), [db, biasGrads] = split(above);
    const net = {layers, W: weights, b: biases}, X = Float64Array.from(job.train.x), Y = Float64Array.from(job.train.y), m = Y.length;
    const grads = {dW: weightGrads, db: biasGrads, dZ: layers.map((n, l) => l && new Float64Array(n * m))};
    const draw = generator(job.seed)[job.draw];
    for (let l = 1; l <= L; l++) {
      const factor = job.scale === "he" ? Math.sqrt(2 / layers[l - 1]) : Array.isArray(job.scale) ? job.scale[l - 1] : job.scale;
      for (let i = 0; i < weights[l].length; i++) weights[l][i] = draw() * factor;
    }
    const first = W.slice();
    const points = room(layers, X, m);
    const tests = room(layers, Float64Array.from(job.test.x), job.test.y.length), cells = room(layers, square(), SIDE * SIDE);

    function picture() {
      const train = accuracy(net, points, Y), hidden = layers.slice(1, L), dead = hidden.map((n, l) => asleep(points.A[l + 1], n, m));
      const test = accuracy(net, tests, job.test.y);
      forward(net, cells);
      return {
        train, test, dead, side: SIDE, grid: Float32Array.from(cells.A[L], (a) => a - 0.5),
        maps: hidden.map((n, l) => units(cells.A[l + 1], n)), weights: net.W.slice(1).map((W) => W.slice()),
      };
    }

    const wanted = new Set(job.moments), pictured = new Set(job.frames);
    let samples = [], escape = null, raised = 0, before = Infinity;
    function standing() { // for the words below the figures, at whatever iteration the reader stops
      let deviation = 0;
      for (const a of points.A[L]) deviation = a === a ? Math.max(deviation, Math.abs(a - 0.5)) : Infinity;
      return {escape, raised, deviation, moved: W.some((w, i) => w !== first[i])};
    }

    for (let iteration = 0; iteration < iterations; iteration++) {
      const seen = wanted.has(iteration) || pictured.has(iteration);
      if (fused) fused(W, b, dW, db, X, Y, m, points.Z, points.A[L]);
      if (!fused || seen) forward(net, points); // what is looked at needs the hidden layers as well
      if (!fused) backward(net, points, Y, grads);
      const cost = costs(points, Y);
      if (escape === null && cost.printed < 0.6) escape = iteration;
      if (cost.exact > before + 0.001) raised++;
      before = cost.exact;
      if (wanted.has(iteration)) samples.push({...look(net, points, grads, iteration, cost), sizes: net.W.slice(1).map((W) => norm(W) / Math.sqrt(W.length))});
      if (pictured.has(iteration)) {
        tell({samples, iteration, ...picture(), ...standing()});
        samples = [];
        if (job.preview) return;
      }
      for (let i = 0; i < W.length; i++) W[i] -= rate * dW[i];
      for (let i = 0; i < b.length; i++) b[i] -= rate * db[i];
    }
    const seen = picture();
    forward(net, points);
    tell({samples, iteration: iterations, ...seen, done: true, ...standing()});
  }

  self.onmessage = (event) => train(event.data, (message) => self.postMessage(message));
}

/* Write one pass over all points, forward and backward, as code in which every weight has a name: three times as fast as loops. */
function fusedPass(layers) {
  const L = layers.length - 1, lines = [], range = (n) => Array.from({length: n}, (_, i) => i);
  const each = (visit) => {
    let at = 0, unit = 0;
    for (let l = 1; l <= L; l++) for (let i = 0; i < layers[l]; i++) {
      const weights = range(layers[l - 1]).map((k) => [`${l}_${i}_${k}`, at++, k]);
      visit(l, i, weights, unit++);
    }
  };
  const value = (l, k) => (l ? `a${l}_${k}` : `X[${k ? `${k} * m + ` : ""}p]`);
  each((l, i, weights, unit) => {
    for (const [name, at] of weights) lines.push(`const w${name} = W[${at}]; let g${name} = 0;`);
    lines.push(`const c${l}_${i} = b[${unit}]; let h${l}_${i} = 0;`);
  });
  lines.push("for (let p = 0; p < m; p++) {");
  each((l, i, weights) => {
    lines.push(`const z${l}_${i} = ${weights.map(([name, , k]) => `w${name} * ${value(l - 1, k)}`).join(" + ")} + c${l}_${i};`);
    if (l < L) lines.push(`const a${l}_${i} = z${l}_${i} <= 0 ? 0 : z${l}_${i};`);
  });
  lines.push(`const a = 1 / (1 + Math.exp(-z${L}_0)), d${L}_0 = (a - Y[p]) / m; Z[p] = z${L}_0; A[p] = a;`);
  for (let l = L; l > 1; l--) {
    for (const k of range(layers[l - 1])) {
      const sum = range(layers[l]).map((i) => `w${l}_${i}_${k} * d${l}_${i}`).join(" + ");
      lines.push(`const d${l - 1}_${k} = a${l - 1}_${k} > 0 ? ${sum} : 0;`);
    }
  }
  each((l, i, weights) => {
    for (const [name, , k] of weights) lines.push(`g${name} += d${l}_${i} * ${value(l - 1, k)};`);
    lines.push(`h${l}_${i} += d${l}_${i};`);
  });
  lines.push("}");
  each((l, i, weights, unit) => {
    for (const [name, at] of weights) lines.push(`dW[${at}] = g${name};`);
    lines.push(`db[${unit}] = h${l}_${i};`);
  });
  return `function (W, b, dW, db, X, Y, m, Z, A) {\n${lines.join("\n")}\n}`;
}

/* The page: up to three starts are trained side by side; one of them at a time is looked into. */
function page() {
  const LN2 = Math.LN2, SVG = "http://www.w3.org/2000/svg", MOST_WEIGHTS = 500, DRAW_EVERY = 50; // weights for which a pass is written out; milliseconds
  const DATA = JSON.parse(document.getElementById("data").textContent), USUAL = DATA.usual;
  const SENTENCES = JSON.parse(document.getElementById("sentences").textContent);
  const RULES = {randn: "lab.rule.randn", rand: "lab.rule.rand", narrow: "lab.rule.narrow", centred: "lab.rule.centred"};
  const LANES = ["lane-one", "lane-two", "lane-three"];
  const id = (name) => document.getElementById(name);
  const form = id("lab-form"), fields = form.elements, calm = matchMedia("(prefers-reduced-motion: reduce)");
  const addresses = {};
  let run = null, inspected = 0, playing = 0, redraw = 0, yours = null;

  // --- words: sentences are in the catalogue, which the page brings with it
  const say = (name, values = {}) => SENTENCES[name].replace(/\{\{|\}\}|\{(\w+)[^{}]*\}/g, (part, key) => (key ? values[key] : part[0]));
  const count = (n) => n.toLocaleString("en-US");
  const raised = (n) => String(n).replace("+", "").replace(/[-\d]/g, (letter) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(letter)]);
  const power = (x) => { const [figures, exponent] = x.toExponential(1).split("e"); return `${figures} × 10${raised(exponent)}`; };
  const short = (x) => (x !== x ? say("lab.nan") : !isFinite(x) ? "inf" : x === 0 ? "0" : Math.abs(x) >= 1000 && Math.abs(x) < 1e9 ? count(Math.round(x)) : Math.abs(x) >= 0.001 && Math.abs(x) < 1e5 ? String(Number(x.toPrecision(3))) : power(x));
  const share = (x) => `${Number((100 * x).toFixed(1))} %`;
  const score = (x) => String(Number(x.toFixed(4)));
  const money = (x, digits) => (x !== x ? say("lab.nan") : x === Infinity ? "inf" : x.toFixed(digits));
  const list = (items) => (items.length < 2 ? items.join("") : say("list.and", {first: items.slice(0, -1).join(say("list.comma")), last: items[items.length - 1]}));
  const right = (accuracy, labels) => { // of so many points
    const points = labels.length, correct = Math.round(accuracy * points);
    return correct === points ? say("lab.points.all", {total: points}) : say("lab.points.some", {number: correct, total: points});
  };

  function digits(costs) { // as many decimals as tell neighbours apart
    const finite = costs.filter(isFinite);
    for (let places = 4; places < 12; places += 2) {
      if (finite.every((x, i) => !i || Math.abs(x - finite[i - 1]) < 1e-12 || x.toFixed(places) !== finite[i - 1].toFixed(places))) return places;
    }
    return 12;
  }

  // --- a start: "he", 0 for zeros, a number, or a number for each layer
  const LARGEST = 1e6;

  function parseNumber(text) { // 0.01, also as 0,01 and x0.01
    const plain = text.trim().replace(/^[x×*]\s*/i, "").replace(",", ".");
    const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
    return Math.abs(value) <= LARGEST ? value : null;
  }

  function parseStart(text) {
    const word = text.trim().toLowerCase();
    if (["he", "he's", "he’s"].includes(word)) return "he";
    if (["zero", "zeros"].includes(word)) return 0;
    if (!word.includes(":")) return parseNumber(word);
    const factors = word.split(":").map(parseNumber);
    return factors.includes(null) ? null : factors;
  }

  const isSame = (start, other) => String(start) === String(other);
  const written = (start) => (start === "he" ? "he" : Array.isArray(start) ? start.join(":") : String(start));
  const title = (start) => (start === "he" ? say("lab.start.he") : start === 0 ? say("lab.start.zeros") : Array.isArray(start) ? say("lab.start.by_layer") : say("lab.scale.value", {scale: start}));

  function role(start) {
    if (yours && isSame(start, yours.start) && fragment(run.settings, false) === yours.settings) return say("lab.role.mine");
    return DATA.asked.some((asked) => isSame(asked, start)) ? say("lab.role.asked") : "";
  }

  // --- the state: form and fragment
  const isRace = () => fields.mode.value === "race";
  const startFields = () => (isRace() ? [fields.first, fields.second, fields.third] : [fields.scale]);

  function state() { // null while a field cannot be read
    const starts = startFields().filter((field) => field.value.trim()).map((field) => parseStart(field.value));
    const number = (name) => Number(fields[name].value);
    const seed = /^\d+$/.test(fields.seed.value.trim()) ? number("seed") : -1;
    const deep = DATA.networks[fields.layers.value].length - 1;
    const fits = starts.length && starts.every((start) => start !== null && (!Array.isArray(start) || start.length === deep));
    if (!fits || seed < 0 || seed > 4294967295) return null;
    return {starts, seed, layers: number("layers"), rate: number("rate"), iterations: number("iterations"), draw: fields.draw.value};
  }

  function show({starts, ...rest}) {
    fields.mode.value = starts.length > 1 ? "race" : "one";
    const racing = starts.length > 1 ? starts : DATA.race; // what the other mode starts with
    ["first", "second", "third"].forEach((name, i) => { fields[name].value = i < racing.length ? written(racing[i]) : ""; });
    setScale(starts[0]);
    for (const name of ["seed", "layers", "rate", "iterations", "draw"]) fields[name].value = String(rest[name]);
    enable();
  }

  function setScale(start) {
    fields.scale.value = written(start);
    slide();
  }

  function slide() { // move the slider to the scale that is nearest to the field's
    const scale = parseStart(fields.scale.value);
    if (typeof scale !== "number" || scale <= 0) return;
    const distance = (value) => Math.abs(Math.log(value / scale));
    const nearest = DATA.scales.reduce((best, value, i) => (distance(value) < distance(DATA.scales[best]) ? i : best), 0);
    fields.slider.value = String(nearest);
    fields.slider.setAttribute("aria-valuetext", say("lab.scale.value", {scale}));
  }

  function enable() { // what belongs to the mode, and whether every field can be read
    id("race-starts").hidden = !isRace();
    id("one-start").hidden = isRace();
    const deep = DATA.networks[fields.layers.value].length - 1;
    for (const field of startFields()) {
      const start = field.value.trim() || !isRace() ? parseStart(field.value) : 1;
      const problem = start === null ? say("lab.check.start") : Array.isArray(start) && start.length !== deep ? say("lab.check.factors", {count: deep}) : "";
      field.setCustomValidity(problem);
      field.setAttribute("aria-invalid", String(Boolean(problem)));
    }
    const seed = fields.seed.value.trim(), isSeed = /^\d+$/.test(seed) && Number(seed) <= 4294967295;
    fields.seed.setCustomValidity(isSeed ? "" : say("lab.check.seed"));
    id("rule").textContent = rule();
  }

  function rule() {
    const settings = state();
    if (!settings) return [...form.elements].map((field) => field.validationMessage || "").find(Boolean) || say("lab.check.none");
    const [start] = settings.starts, draw = say(RULES[settings.draw]);
    if (settings.starts.length > 1) return say("lab.rule.race", {draw});
    if (start === 0) return say("lab.rule.zeros");
    if (start === "he") return say("lab.rule.he", {draw});
    return Array.isArray(start) ? say("lab.rule.by_layer", {draw, factors: list(start.map(short))}) : say("lab.rule.number", {draw, factor: start});
  }

  function fragment(settings, withStarts = true) {
    const starts = settings.starts.map(written), {seed, layers, rate, iterations, draw} = settings;
    const rest = `seed=${seed}&layers=${layers}&rate=${rate}&iterations=${iterations}${draw === "randn" ? "" : `&draw=${draw}`}`;
    if (!withStarts) return rest;
    const mine = yours && rest === yours.settings ? `mine=${written(yours.start)}&` : "";
    return `#${mine}${starts.length > 1 ? `race=${starts.join(",")}` : `scale=${starts[0]}`}&${rest}`;
  }

  function read(text) { // what a fragment asks for, and what of it the lab does not offer
    const settings = {...USUAL, starts: DATA.race}, refused = [];
    let mine = null;
    for (const [name, word] of new URLSearchParams(text.replace(/^#/, ""))) {
      let value = null;
      if (name === "scale" || name === "mine") value = parseStart(word);
      else if (name === "race") value = word.split(",").map(parseStart);
      else if (name === "seed") value = /^\d{1,10}$/.test(word) && Number(word) <= 4294967295 ? Number(word) : null;
      else if (name in USUAL) value = [...fields[name].options].some((option) => option.value === word) ? (name === "draw" ? word : Number(word)) : null;
      else continue;
      if (value === null || (name === "race" && (value.includes(null) || value.length > LANES.length))) refused.push(`${name}=${word}`);
      else if (name === "mine") mine = value;
      else if (name === "scale") settings.starts = [value];
      else if (name === "race") settings.starts = value;
      else settings[name] = value;
    }
    const deep = DATA.networks[settings.layers].length - 1;
    const fits = (start) => !Array.isArray(start) || start.length === deep;
    if (mine !== null && !fits(mine)) mine = null;
    if (!settings.starts.every(fits)) settings.starts = DATA.race;
    if (mine !== null && settings.starts === DATA.race) {
      const others = [...DATA.asked, "he", ...DATA.race].filter((start) => !isSame(start, mine));
      settings.starts = [mine, ...new Map(others.map((start) => [String(start), start])).values()].slice(0, LANES.length);
    }
    return {settings, mine, refused};
  }

  function restore() {
    const {settings, mine, refused} = read(location.hash || DATA.start || "");
    show(settings);
    yours = mine === null ? null : {start: mine, settings: fragment(settings, false)};
    go(refused.length ? say("lab.status.link", {settings: list(refused)}) : "");
  }

  function keep() {
    const address = fragment(state());
    if (location.hash !== address) {
      try { history.replaceState(null, "", address); } catch { location.hash = address; }
    }
  }

  // --- running
  let linkNote = ""; // what a link asks for and cannot have: said with every status of its run
  function report(text) { id("status").textContent = [linkNote, text].filter(Boolean).join(" "); }

  function spaced(iterations, parts) {
    const moments = new Set([0, ...[1, 2, 5, 10, 20, 50, 100, 200, 500].filter((k) => k < iterations)]);
    for (let i = 0; i < parts; i++) moments.add(Math.floor((i * iterations) / parts));
    return moments;
  }

  function sampled(iterations) {
    const moments = spaced(iterations, 480), step = rowStep(iterations);
    for (let k = 0; k < iterations; k += step) moments.add(k);
    return [...moments.add(iterations - 1)];
  }

  function rowStep(iterations) { // at most 16 rows
    for (let power = 1; ; power *= 10) {
      for (const digit of [1, 2, 5]) if (Math.ceil(iterations / (digit * power)) < 16) return digit * power;
    }
  }

  function address(layers) { // of the worker's text, for this network
    const weights = layers.slice(1).reduce((sum, n, l) => sum + n * layers[l], 0);
    const text = `"use strict"; (${network})(${weights > MOST_WEIGHTS ? "null" : fusedPass(layers)});`;
    addresses[layers] ||= URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
    return addresses[layers];
  }

  function begin(settings, isPreview) {
    stop();
    const {starts, ...rest} = settings, layers = DATA.networks[settings.layers];
    const moments = {moments: sampled(settings.iterations), frames: [...spaced(settings.iterations, 120)]};
    run = {settings, layers, lanes: [], isPreview, isDone: false};
    inspected = Math.min(inspected, starts.length - 1);
    for (const start of starts) run.lanes.push({start, samples: [], frames: [], last: null, worker: null});
    makeCards();
    const mine = run;
    for (const lane of run.lanes) {
      try {
        lane.worker = new Worker(address(layers));
      } catch {
        report(say("lab.status.no_worker"));
        return false;
      }
      lane.worker.onerror = () => { if (run === mine) { stop(); report(say("lab.status.error")); } };
      lane.worker.onmessage = ({data}) => { if (run === mine) take(lane, data); };
      lane.worker.postMessage({...rest, scale: lane.start, layers, train: DATA.train, test: DATA.test, ...moments, preview: isPreview});
    }
    return true;
  }

  function stop() {
    for (const lane of run ? run.lanes : []) {
      if (lane.worker) lane.worker.terminate();
      lane.worker = null;
    }
    id("stop").disabled = true;
    cancelAnimationFrame(playing);
    playing = 0;
    id("play").textContent = say("lab.play");
  }

  function offer(isOffered) { // looking back
    id("described").hidden = !isOffered;
    id("when").disabled = id("play").disabled = !isOffered;
  }

  function preview() {
    offer(false);
    linkNote = "";
    report("");
    begin(state(), true);
  }

  function go(note = "") {
    offer(false);
    linkNote = note;
    if (!begin(state(), false)) return;
    id("stop").disabled = false;
    report(say("lab.status.training", {iterations: count(run.settings.iterations)}));
  }

  function take(lane, message) {
    lane.samples.push(...message.samples);
    lane.frames.push(message);
    lane.last = message;
    if (run.isPreview || message.done) {
      lane.worker.terminate();
      lane.worker = null;
    }
    if (run.lanes.every((other) => other.last && (other.last.done || run.isPreview))) finish();
    else if (!calm.matches) soon();
  }

  function soon() { // the starts are shown at the same iteration, the slowest one's; drawing more often would cost more than training
    if (redraw) return;
    const mine = run;
    redraw = setTimeout(() => {
      redraw = 0;
      const index = Math.min(...mine.lanes.map((lane) => lane.frames.length)) - 1;
      if (run === mine && index >= 0 && !run.isDone) draw(index);
    }, DRAW_EVERY);
  }

  function finish() {
    if (run.isPreview) {
      draw(0);
      return;
    }
    stop();
    const lengths = run.lanes.map((lane) => lane.frames.length), last = Math.min(...lengths) - 1;
    run.isDone = true;
    for (const lane of run.lanes) { // a run that was stopped ends where its slowest start is
      lane.frames.length = last + 1;
      lane.last = lane.frames[last];
      lane.samples = lane.samples.filter((sample) => sample.iteration <= lane.last.iteration);
    }
    offer(true);
    id("when").disabled = id("play").disabled = last < 1;
    id("when").max = String(last);
    draw(last);
    describe();
    const results = run.lanes.map((lane) => `${title(lane.start)} (${score(lane.last.train)})`);
    const {done, iteration} = run.lanes[0].last;
    report(done ? say("lab.status.done", {iterations: count(iteration), results: list(results)}) : say("lab.status.stopped", {iteration: count(iteration), results: list(results)}));
  }

  // --- looking back
  function play() {
    if (playing) {
      stop();
      return;
    }
    const last = Number(id("when").max), now = Number(id("when").value), from = now < last ? now : 0;
    let begun = 0;
    id("play").textContent = say("lab.pause");
    const step = (time) => {
      begun ||= time; // the time of a picture, which may lie before the press of the button
      const index = Math.min(last, from + Math.floor((time - begun) / 80));
      if (index !== Number(id("when").value)) draw(index);
      if (index < last) playing = requestAnimationFrame(step);
      else stop();
    };
    playing = requestAnimationFrame(step);
  }

  // --- figures
  function node(name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function element(name, className, text) {
    const created = document.createElement(name);
    if (className) created.className = className;
    if (text !== undefined) created.textContent = text;
    return created;
  }

  const lineSample = (style) => {
    const sample = node("svg", {class: "sample", viewBox: "0 0 34 10", "aria-hidden": "true"});
    sample.append(node("path", {class: `series ${style}`, d: "M1 5H33"}));
    return sample;
  };

  function makeCards() {
    id("lanes").replaceChildren(...run.lanes.map((lane, i) => {
      const card = element("li", `lane ${LANES[i]}`), head = element("h3"), canvas = element("canvas");
      const named = role(lane.start);
      head.append(lineSample(LANES[i]), element("span", "", title(lane.start)));
      if (named) head.append(element("span", "role", named));
      canvas.width = canvas.height = 366;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", say("lab.card.boundary", {start: title(lane.start)}));
      lane.card = {canvas, numbers: element("dl", "")};
      for (const [name, words] of [["train", say("lab.card.train")], ["test", say("lab.card.test")], ["cost", say("lab.card.cost")]]) {
        const row = element("div"), value = element("dd", "", " ");
        row.append(element("dt", "", words), value);
        lane.card.numbers.append(row);
        lane.card[name] = value;
      }
      card.append(head, canvas, lane.card.numbers);
      return card;
    }));
    id("lanes").dataset.count = String(run.lanes.length);
    id("tabs").hidden = run.lanes.length < 2;
    id("tabs").replaceChildren(element("legend", "", say("lab.tabs")), ...run.lanes.map((lane, i) => {
      const label = element("label"), input = element("input");
      Object.assign(input, {type: "radio", name: "inside", value: String(i), checked: i === inspected});
      input.addEventListener("change", () => { inspected = i; inspect(); });
      label.append(input, lineSample(LANES[i]), ` ${title(lane.start)}`);
      return label;
    }));
  }

  function inspect() {
    draw(Number(id("when").value));
    if (run.isDone) describe();
  }

  /* Axes and lines in the pixels of the screen, so that letters keep their size; `y` maps a value to 0 (bottom) … 1 (top). */
  function chart(where, {ticks, lines, y, note, when, ends = false}) {
    const svg = id(where), width = Math.max(240, Math.round(svg.getBoundingClientRect().width)), height = Number(svg.dataset.height);
    const {left, right, top, bottom} = {left: Number(svg.dataset.left || 56), right: ends ? 92 : 12, top: 10, bottom: 28};
    const N = run.settings.iterations;
    const px = (k) => left + ((width - left - right) * k) / N, py = (v) => height - bottom - (height - top - bottom) * v;
    const parts = [];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    for (const [value, label, look] of ticks) {
      parts.push(node("path", {class: look || "grid", d: `M${left} ${py(y(value))}H${width - right}`}));
      parts.push(node("text", {x: left - 8, y: py(y(value)) + 4, "text-anchor": "end"}, label));
    }
    for (const part of [0, 0.5, 1]) {
      const anchor = part === 1 ? "end" : part ? "middle" : "start";
      const text = part === 1 ? say("lab.chart.iterations", {iterations: count(N)}) : count(Math.round(N * part));
      if (part !== 0.5 || width > 330) parts.push(node("text", {x: part === 1 && ends ? width : px(N * part), y: height - 8, "text-anchor": anchor}, text));
    }
    const labels = [];
    for (const line of lines) {
      let path = "", pen = false, level = null;
      for (const [k, value] of line.points) {
        const at = value === value ? y(value) : null;
        if (at === null || !isFinite(at)) { pen = false; continue; }
        path += `${pen ? "L" : "M"}${px(k).toFixed(1)} ${py(at).toFixed(1)}${pen ? "" : "h.01"}`;
        [pen, level] = [true, {x: px(k), y: py(at)}];
      }
      parts.push(node("path", {class: `series ${line.style}`, d: path || "M0 0"}));
      if (ends && level) labels.push({...level, ...line});
    }
    if (when < N) parts.push(node("path", {class: "when", d: `M${px(when).toFixed(1)} ${top}V${height - bottom}`}));
    labels.sort((a, b) => a.y - b.y).forEach((label, i) => { label.at = Math.max(label.y + 4, i ? labels[i - 1].at + 16 : 14); });
    const over = labels.length ? Math.max(0, labels[labels.length - 1].at - (height - bottom)) : 0;
    for (const label of labels) parts.push(node("text", {class: `name ${label.style}`, x: width - right + 8, y: label.at - over}, label.name));
    if (note) parts.push(node("text", {x: (left + width - right) / 2, y: height / 2, "text-anchor": "middle"}, note));
    svg.replaceChildren(...parts);
  }

  function legend(where, entries) {
    id(where).replaceChildren(...entries.map(([style, name, value]) => {
      const item = element("li");
      item.append(lineSample(style), ` ${name}: ${value}`);
      return item;
    }));
  }

  const series = (lane, pick) => lane.samples.map((sample) => [sample.iteration, pick(sample)]);
  const STYLES = ["layer0", "layer1", "layer2", "layer3"];
  const sampleAt = (lane, frame) => lane.samples.find((s) => s.iteration === frame.iteration) || lane.samples[lane.samples.length - 1];
  const lookedAt = (frame) => (frame === run.lanes[0].last && frame.done ? Infinity : frame.iteration); // a mark is for looking back

  function draw(index) { // the run as it was at one of its pictures
    const frames = run.lanes.map((lane) => lane.frames[index]);
    if (frames.some((frame) => !frame)) return;
    const now = run.lanes.map((lane, i) => sampleAt(lane, frames[i])), [{iteration}] = frames;
    const lane = run.lanes[inspected];
    drawCost(now, frames[0]);
    run.lanes.forEach((each, i) => {
      drawSquare(each, frames[i]);
      each.card.train.textContent = score(frames[i].train);
      each.card.test.textContent = score(frames[i].test);
      each.card.cost.textContent = money(now[i].printed, 4);
    });
    if (!run.lanes.some((other) => other.worker) || id("inside").getBoundingClientRect().top < innerHeight) { // out of sight nobody needs it
      drawNorms(lane, now[inspected], frames[inspected]);
      drawShares(lane, now[inspected], frames[inspected]);
      drawNetwork(frames[inspected], now[inspected]);
    }
    id("iteration-now").textContent = count(iteration);
    id("when").value = String(index);
    id("when").setAttribute("aria-valuetext", say("lab.iteration.value", {iteration: count(iteration)}));
    id("done").style.width = `${(100 * iteration) / run.settings.iterations}%`;
  }

  function drawCost(now, frame) {
    const top = 1.5, clipped = run.lanes.some((lane) => lane.samples.some((s) => s.exact > top));
    chart("cost", {
      ticks: [[0, "0"], [LN2, say("lab.chart.guessing"), "guessing"], [1, "1"], [top, clipped ? say("lab.chart.or_more") : "1.5"]],
      lines: run.lanes.map((lane, i) => ({style: LANES[i], name: title(lane.start), points: series(lane, (s) => (s.exact === s.exact ? Math.min(s.exact, top) : NaN))})),
      y: (v) => v / top,
      when: lookedAt(frame),
      ends: true,
    });
    const starts = run.lanes.map((lane, i) => {
      const values = {start: title(lane.start), first: short(lane.samples[0].exact)};
      return now[i].iteration ? say("lab.chart.cost.both", {...values, now: short(now[i].exact), iteration: count(frame.iteration)}) : say("lab.chart.cost.first", values);
    });
    id("cost").setAttribute("aria-label", say("lab.chart.cost", {starts: list(starts)}));
  }

  function drawNorms(lane, now, frame) {
    const all = lane.samples.flatMap((s) => s.norms).filter((v) => v > 0 && isFinite(v));
    let low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
    if (!all.length) [low, high] = [-6, 2];
    if (high - low < 2) high = low + 2;
    const step = Math.ceil((high - low) / 6), ticks = [];
    for (let k = low; k <= high; k += step) ticks.push([10 ** k, k < -3 || k > 4 ? `10${raised(k)}` : String(Number((10 ** k).toPrecision(1)))]);
    chart("norms", {
      ticks: all.length ? ticks : [],
      lines: now.norms.map((_, l) => ({style: STYLES[l % 4], points: series(lane, (s) => s.norms[l])})),
      y: (v) => (v > 0 ? (Math.log10(v) - low) / (high - low) : null),
      note: all.length ? "" : say("lab.chart.norms.zero"),
      when: lookedAt(frame),
    });
    legend("norms-legend", now.norms.map((v, l) => [STYLES[l % 4], `dW${l + 1}`, short(v)]));
    const norms = list(now.norms.map((v, l) => `dW${l + 1} ${short(v)}`));
    id("norms").setAttribute("aria-label", say("lab.chart.norms", {iteration: count(frame.iteration), norms}));
  }

  function drawShares(lane, now, frame) {
    const entries = now.dead.map((v, l) => [STYLES[l % 3], say("lab.chart.dead", {layer: l + 1}), share(v)]);
    entries.push(["layer3", say("lab.chart.saturated"), share(now.saturated)]);
    chart("shares", {
      ticks: [0, 0.5, 1].map((v) => [v, share(v)]),
      lines: [...now.dead.map((_, l) => ({style: STYLES[l % 3], points: series(lane, (s) => s.dead[l])})), {style: "layer3", points: series(lane, (s) => s.saturated)}],
      y: (v) => v,
      when: lookedAt(frame),
    });
    legend("shares-legend", entries);
    const shares = list(entries.map(([, name, value]) => `${name} ${value}`));
    id("shares").setAttribute("aria-label", say("lab.chart.shares", {iteration: count(frame.iteration), shares}));
  }

  function colours() {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(["outside", "middle", "inside", "negative", "positive", "paper", "ink", "soft", "rule"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
  const board = document.createElement("canvas");

  /* Paint values of a square, one pixel each, and stretch it: `mix` gives two colours and how far from the first to the second. */
  function paint(pen, {x, y, size}, side, mix) {
    board.width = board.height = side;
    const brush = board.getContext("2d"), image = brush.createImageData(side, side);
    for (let p = 0; p < side * side; p++) {
      const [from, to, part] = mix(p);
      for (let c = 0; c < 3; c++) image.data[4 * p + c] = from[c] + (to[c] - from[c]) * part;
      image.data[4 * p + 3] = 255;
    }
    brush.putImageData(image, 0, 0);
    pen.drawImage(board, x, y, size, size);
  }

  function answers(paint) { // from sure of the outer ring over 0.5 to sure of the inner ring
    const out = rgb(paint.outside), middle = rgb(paint.middle), inside = rgb(paint.inside);
    return (value) => [middle, value > 0 ? inside : out, value === value ? Math.min(1, 2 * Math.abs(value)) : 0];
  }

  function contour(pen, grid, side, cell) { // where the output crosses 0.5
    const up = (p) => grid[p] > 0, cross = (p, q) => (grid[p] === grid[q] ? 0.5 : grid[p] / (grid[p] - grid[q]));
    pen.beginPath();
    for (let row = 0; row < side - 1; row++) {
      for (let column = 0; column < side - 1; column++) {
        const a = row * side + column, b = a + 1, c = a + side, d = c + 1, x = column + 0.5, y = row + 0.5, ends = [];
        if (up(a) !== up(b)) ends.push([x + cross(a, b), y]);
        if (up(a) !== up(c)) ends.push([x, y + cross(a, c)]);
        if (up(b) !== up(d)) ends.push([x + 1, y + cross(b, d)]);
        if (up(c) !== up(d)) ends.push([x + cross(c, d), y + 1]);
        for (let k = 0; k + 1 < ends.length; k += 2) {
          pen.moveTo(ends[k][0] * cell, ends[k][1] * cell);
          pen.lineTo(ends[k + 1][0] * cell, ends[k + 1][1] * cell);
        }
      }
    }
    pen.stroke();
  }

  function drawSquare({start, card}, {grid, side, iteration, train}) {
    const {canvas} = card, pen = canvas.getContext("2d"), size = canvas.width, hue = colours(), shade = answers(hue);
    paint(pen, {x: 0, y: 0, size}, side, (p) => shade(grid[p]));
    pen.lineWidth = 2.5;
    pen.strokeStyle = hue.ink;
    contour(pen, grid, side, size / side);
    const {x, y} = DATA.train, m = y.length, place = (v) => ((v + 1.5) / 3) * size;
    pen.lineWidth = 1.5;
    for (let p = 0; p < m; p++) {
      pen.beginPath();
      pen.arc(place(x[p]), size - place(x[m + p]), 3.5, 0, 7);
      pen.fillStyle = y[p] ? hue.ink : hue.paper;
      pen.fill();
      pen.stroke();
    }
    const inside = grid.filter((value) => value > 0).length;
    canvas.setAttribute("aria-label", say("lab.card.boundary.says", {start: title(start), iteration: count(iteration), share: share(inside / grid.length), points: right(train, y)}));
  }

  /* The network itself: what each unit puts out over the square, and its weights as lines. */
  function drawNetwork({weights, maps, dead, grid, side, iteration}, now) {
    const canvas = id("network"), pen = canvas.getContext("2d"), {width, height} = canvas, hue = colours(), shade = answers(hue);
    const {layers} = run, L = layers.length - 1, widest = Math.max(...layers);
    id("network-figure").hidden = widest > 24;
    if (widest > 24) return; // its units would be smaller than a letter
    const box = Math.min(56, (height - 30) / widest - 6), sizes = layers.map((_, l) => (l === L ? 2 * box : box));
    const left = (l) => 4 + ((width - 8 - sizes[L]) * l) / L;
    const middle = (l, i) => height / 2 + (i - (layers[l] - 1) / 2) * (box + 6) * (layers[l] < 6 ? 1.5 : 1);
    pen.clearRect(0, 0, width, height);
    for (let l = 1; l <= L; l++) {
      for (let i = 0; i < layers[l]; i++) {
        for (let k = 0; k < layers[l - 1]; k++) line(l, i, k, weights[l - 1][i * layers[l - 1] + k]);
      }
    }
    function line(l, i, k, w) {
      const x = left(l - 1) + sizes[l - 1], X = left(l), y = middle(l - 1, k), Y = middle(l, i), bend = (X - x) / 2;
      pen.lineWidth = w ? Math.max(0.7, Math.min(9, 1.6 * (Math.log10(Math.abs(w)) + 3))) : 0.7;
      pen.strokeStyle = w > 0 ? hue.positive : w < 0 ? hue.negative : hue.rule;
      pen.setLineDash(w < 0 ? [10, 6] : []);
      pen.beginPath();
      pen.moveTo(x, y);
      pen.bezierCurveTo(x + bend, y, X - bend, Y, X, Y);
      pen.stroke();
    }
    pen.setLineDash([]);
    const dark = rgb(hue.positive), pale = rgb(hue.paper);
    layers.forEach((n, l) => {
      for (let i = 0; i < n; i++) {
        const place = {x: left(l), y: middle(l, i) - sizes[l] / 2, size: sizes[l]};
        if (l === 0) paint(pen, place, 21, (p) => [pale, dark, i ? 1 - Math.floor(p / 21) / 20 : (p % 21) / 20]);
        else if (l === L) paint(pen, place, side, (p) => shade(grid[p]));
        else paint(pen, place, maps[l - 1].side, (p) => [pale, dark, maps[l - 1].values[i * maps[l - 1].side ** 2 + p] / 255]);
        const gone = l > 0 && l < L && dead[l - 1][i];
        pen.lineWidth = gone ? 3 : 2;
        pen.strokeStyle = gone ? hue.ink : hue.soft;
        pen.strokeRect(place.x, place.y, place.size, place.size);
        if (!gone) continue;
        pen.beginPath();
        pen.moveTo(place.x, place.y);
        pen.lineTo(place.x + place.size, place.y + place.size);
        pen.moveTo(place.x + place.size, place.y);
        pen.lineTo(place.x, place.y + place.size);
        pen.stroke();
      }
    });
    const typical = list(now.sizes.map((v, l) => say("lab.chart.network.weight", {size: short(v), layer: l + 1})));
    const gone = list(dead.map((units, l) => say("lab.chart.network.dead", {number: units.filter(Boolean).length, count: units.length, layer: l + 1})));
    canvas.setAttribute("aria-label", say("lab.chart.network", {iteration: count(iteration), weights: typical, dead: gone}));
    id("network-text").textContent = say("lab.chart.network.typical", {iteration: count(iteration), weights: typical});
  }

  // --- what happened, in words
  function regime(first, last, isDead) {
    if (isDead) return "dead";
    if (last.exact !== last.exact || first.exact !== first.exact || last.printed > first.printed) return "diverged";
    if (Math.abs(first.printed - LN2) < 0.05 && last.printed > 0.99 * LN2) return "plateau";
    if (first.printed > 3 * LN2 && last.printed > 0.3) return "saturated";
    return last.printed <= 0.3 ? "healthy" : "slow";
  }

  const DRAW_WORDS = {rand: "rand", narrow: "rand - 0.5", centred: "(rand - 0.5) * sqrt(12)"};
  const WORDS = {
    dead: "lab.word.dead",
    diverged: "lab.word.diverged",
    plateau: "lab.word.plateau",
    saturated: "lab.word.saturated",
    healthy: "lab.word.healthy",
    slow: "lab.word.slow",
  };

  function settingsLine(start, last) {
    const now = run.settings, values = {seed: now.seed, layers: DATA.depths[now.layers], rate: now.rate, iterations: count(now.iterations)};
    const factor = start === "he" ? say("lab.story.he") : start === 0 ? say("lab.story.zeros") : Array.isArray(start) ? say("lab.story.by_layer", {factors: list(start.map(short))}) : say("lab.story.scale", {scale: start});
    const drawn = now.draw === "randn" || start === 0 ? factor : say("lab.story.drawn", {start: factor, draw: DRAW_WORDS[now.draw]});
    return last.done ? say("lab.story.settings", {start: drawn, ...values}) : say("lab.story.settings.stopped", {start: drawn, done: count(last.iteration), ...values});
  }

  function story({start, last, samples}) {
    const first = samples[0], end = samples[samples.length - 1], text = [];
    const kind = regime(first, end, first.norms.every((v) => v === 0));
    const places = digits([first.printed, end.printed]), from = money(first.printed, places), to = money(end.printed, places);
    const iteration = count(end.iteration), costs = say("lab.story.cost", {first: from, last: to, iteration});
    const result = say("lab.story.right", {train: right(last.train, DATA.train.y), test: right(last.test, DATA.test.y)});
    if (kind === "dead") {
      text.push(say("lab.story.dead"));
      if (!last.moved) text.push(say("lab.story.dead.still"));
      if (start === 0) text.push(say("lab.story.dead.zeros"));
      if (last.deviation === 0) text.push(say("lab.story.dead.half"));
    }
    if (kind === "diverged") {
      if (end.exact !== end.exact) text.push(say("lab.story.nan", {iteration}));
      else text.push(costs, say("lab.story.higher", {difference: short(end.printed - first.printed)}));
    }
    const layer = last.dead.findIndex((units) => units.every(Boolean)), isDead = layer >= 0 && start !== 0;
    if (kind === "diverged" && Math.abs(first.printed - LN2) < 0.05 && Math.abs(end.printed - LN2) < 0.01) {
      text.push(say("lab.story.near", {difference: short(Math.abs(end.printed - LN2))}));
    }
    if (kind === "plateau") {
      text.push(costs, say("lab.story.plateau", {difference: short(Math.abs(end.printed - LN2))}));
      text.push(last.escape === null ? say("lab.story.plateau.never") : say("lab.story.plateau.back", {iteration: count(last.escape)}));
      if (!isDead && last.deviation > 0 && last.deviation < 0.01) text.push(say("lab.story.plateau.apart", {apart: short(last.deviation)}));
    }
    if (kind === "saturated") {
      text.push(say("lab.story.saturated", {first: from, share: share(first.saturated)}));
      text.push(say("lab.story.saturated.end", {iteration, last: to}));
    }
    if (kind === "healthy") text.push(say("lab.story.healthy", {first: from, last: to, iteration}));
    if (kind === "slow") text.push(costs, say("lab.story.slow"));
    if (isDead && end.exact === end.exact) text.push(say("lab.story.dead_layer", {layer: layer + 1}));
    if (first.printed === Infinity && isFinite(first.exact)) text.push(say("lab.story.inf", {cost: short(first.exact)}));
    if (last.escape !== null && last.escape > 0 && kind !== "plateau") text.push(say("lab.story.escape", {iteration: count(last.escape)}));
    if (last.raised) text.push(say("lab.story.raised", {number: count(last.raised), total: count(last.iteration)}));
    return {kind, paragraphs: [`${settingsLine(start, last)} ${result}`, text.join(" "), elsewhere(start, last).join(" ")].filter(Boolean)};
  }

  function elsewhere(start, last) { // what was measured when the page was made
    const now = run.settings, text = [];
    const wait = DATA.escapes.find((e) => now.draw === "randn" && e.scale === start && e.seed === now.seed && e.layers === now.layers && e.rate === now.rate);
    if (wait && last.escape === null) {
      text.push(wait.iteration === null ? say("lab.story.measured.never", {iterations: count(DATA.cap)}) : say("lab.story.measured", {iteration: count(wait.iteration)}));
    }
    const spread = DATA.spread.find((s) => s.scale === start && s.draw === now.draw);
    if (spread && start !== 0 && now.layers === USUAL.layers && now.rate === USUAL.rate && now.iterations === USUAL.iterations && last.done) {
      text.push(say("lab.story.seeds", {seeds: spread.seeds, low: score(spread.low), high: score(spread.high), median: score(spread.median)}));
    }
    return text;
  }

  function rows(table, entries) {
    id(table).tBodies[0].replaceChildren(...entries.map(([head, value]) => {
      const row = element("tr"), name = element("th", "", head);
      name.scope = "row";
      row.append(name, element("td", "", value));
      return row;
    }));
  }

  function describe() {
    const lane = run.lanes[inspected], {last, samples} = lane, {kind, paragraphs} = story(lane), first = samples[0], end = samples[samples.length - 1];
    const step = rowStep(run.settings.iterations), shown = samples.filter((s) => s.iteration % step === 0 || s === end);
    const places = Math.max(6, digits(shown.map((s) => s.printed)));
    id("described").replaceChildren(...paragraphs.map((text) => element("p", "", text)));
    rows("facts", [
      [say("lab.fact.word"), last.done ? say(WORDS[kind]) : say("lab.word.stopped", {word: say(WORDS[kind])})],
      [say("lab.card.train"), score(last.train)],
      [say("lab.card.test"), score(last.test)],
      [say("lab.fact.escape"), last.escape === null ? say("lab.fact.none") : count(last.escape)],
      ...first.sizes.map((v, l) => [say("lab.fact.weight", {layer: l + 1}), `${short(v)} → ${short(end.sizes[l])}`]),
      ...first.norms.map((v, l) => [say("lab.fact.norm", {layer: l + 1}), `${short(v)} → ${short(end.norms[l])}`]),
      ...first.dead.map((v, l) => [say("lab.fact.dead", {layer: l + 1}), `${share(v)} → ${share(end.dead[l])}`]),
      [say("lab.fact.saturated"), `${share(first.saturated)} → ${share(end.saturated)}`],
    ]);
    rows("costs", shown.map((s) => [count(s.iteration), money(s.exact === s.exact ? s.printed : NaN, places)]));
  }

  // --- hands
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!state()) { form.reportValidity(); return; }
    keep();
    go();
    const figures = id("figures").getBoundingClientRect();
    if (figures.top > 0.75 * innerHeight) id("figures").scrollIntoView({behavior: calm.matches ? "auto" : "smooth"});
  });
  id("stop").addEventListener("click", () => {
    stop();
    if (run.lanes.every((lane) => lane.last)) finish();
    else report(say("lab.status.before"));
    id("run").focus();
  });
  fields.slider.addEventListener("input", () => {
    const scale = DATA.scales[Number(fields.slider.value)];
    fields.scale.value = String(scale);
    fields.slider.setAttribute("aria-valuetext", say("lab.scale.value", {scale}));
  });
  fields.scale.addEventListener("input", slide);
  for (const button of form.querySelectorAll("button[data-start]")) {
    button.addEventListener("click", () => {
      setScale(parseStart(button.dataset.start));
      changed();
    });
  }
  function changed() {
    enable();
    if (!state()) { stop(); return; }
    keep();
    preview();
  }
  form.addEventListener("input", changed);
  for (const button of document.querySelectorAll("button[data-fragment]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      show(read(button.dataset.fragment).settings);
      keep();
      id("lab").scrollIntoView();
      id("run").focus({preventScroll: true});
      go();
    });
  }
  id("when").addEventListener("input", () => { const index = Number(id("when").value); stop(); draw(index); });
  id("play").addEventListener("click", play);
  addEventListener("hashchange", restore);
  function again() { if (run && run.lanes.every((lane) => lane.last)) draw(run.isDone ? Number(id("when").value) : Math.min(...run.lanes.map((lane) => lane.frames.length)) - 1); }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; again(); } });
  id("lab").hidden = false;
  restore();
}

page();
