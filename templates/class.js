"use strict";

/* Sorts and filters the table of submissions, and copies the note. Without it the page is complete, only still. */
(() => {
  const table = document.getElementById("submissions");
  if (table) sortable(table, filterable(table));
  copyable(document.getElementById("draft"), document.getElementById("copy"), document.getElementById("copied"));

  function filterable(table) {
    const form = document.querySelector("form[data-for=submissions]");
    const [words, kind, status] = [form.querySelector("input"), form.querySelector("select"), form.querySelector("[role=status]")];
    const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase(), row.dataset.is.split(" ")]);
    for (const option of [...kind.options]) {
      if (option.value && !rows.some(([, , is]) => is.includes(option.value))) option.remove();
    }
    function show() {
      const wanted = [...words.value.toLowerCase().matchAll(/"([^"]*)"?|\S+/g)].map(([word, phrase]) => phrase ?? word);
      for (const [row, text, is] of rows) {
        row.hidden = !(wanted.every((word) => text.includes(word)) && (!kind.value || is.includes(kind.value)));
      }
      say();
    }
    function say(sorted = "") {
      const shown = rows.filter(([row]) => !row.hidden).length;
      const [part, whole] = [shown, rows.length].map((count) => count.toLocaleString("en"));
      status.textContent = form.dataset.shown.replace("{shown}", part).replace("{total}", whole) + sorted;
    }
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    words.addEventListener("input", show);
    kind.addEventListener("change", show);
    words.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        words.value = "";
        show();
      }
    });
    for (const count of document.querySelectorAll("[data-filter]")) {
      const link = document.createElement("a");
      link.href = "#everybody";
      link.textContent = count.textContent;
      link.setAttribute("aria-label", count.dataset.label);
      count.replaceChildren(link);
      link.addEventListener("click", (event) => {
        event.preventDefault(); // the browser would move the focus away from the filter
        words.value = `"${count.dataset.filter}"`; // the phrase, not its words in any place
        kind.value = "";
        show();
        document.getElementById("everybody").scrollIntoView();
        words.focus({preventScroll: true});
      });
    }
    show(); // a browser that goes back keeps what was typed
    return say;
  }

  function sortable(table, say) {
    const heads = [...table.tHead.rows[0].cells];
    const compare = new Intl.Collator("en", {numeric: true}).compare;
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      const name = head.textContent;
      const numbers = head.classList.contains("points");
      button.type = "button";
      button.textContent = name;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
        const keyed = [...table.tBodies[0].rows].map((row) => {
          const text = row.cells[column].textContent;
          return [numbers ? parseFloat(text) : text, row];
        });
        keyed.sort(([a], [b]) => turn * (numbers ? a - b : compare(a, b)));
        table.tBodies[0].append(...keyed.map(([, row]) => row));
        const {lowest, highest} = document.querySelector("form[data-for=submissions]").dataset;
        say(", " + (turn > 0 ? lowest : highest).replace("{column}", name.toLowerCase()));
      });
    });
  }

  function copyable(draft, button, status) {
    if (!draft) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const range = document.createRange();
      range.selectNodeContents(draft);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      let copied = false;
      try {
        await navigator.clipboard.writeText(draft.textContent);
        copied = true;
      } catch {
        copied = document.execCommand("copy"); // a page opened from a file has no other way to the clipboard
      }
      status.textContent = copied ? button.dataset.copied : button.dataset.selected;
    });
  }
})();
