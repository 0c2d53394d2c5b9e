# The grader for Coursera: docker build -t initialization-grader .
# Coursera runs it as a user of its own, without network, and clears what ENV would set.
FROM python:3.12-slim
COPY @WHEEL@ /grader/@WHEEL@
RUN python3 -m venv /grader/venv
RUN /grader/venv/bin/pip install --no-cache-dir /grader/@WHEEL@ 'llvmlite>=0.44'
@COPY@RUN chmod -R a+rwX /grader
ENTRYPOINT @ENTRYPOINT@
