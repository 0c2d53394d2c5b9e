# The grader for PrairieLearn: docker build -t YOUR_ACCOUNT/initialization-grader .
# The entry point stands here as well as in info.json, which names it for PrairieLearn.
FROM python:3.12-slim
COPY @WHEEL@ /grader/@WHEEL@
RUN python3 -m venv /grader/venv
RUN /grader/venv/bin/pip install --no-cache-dir /grader/@WHEEL@ 'llvmlite>=0.44'
@COPY@RUN chmod -R a+rX /grader
ENTRYPOINT @ENTRYPOINT@
