# One image for migrate, ingest, dashboard and simulator; the command says which.
FROM python:3.12-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY city city
COPY dashboard dashboard
COPY ingest ingest
COPY maintain maintain
COPY sdot sdot
COPY simulator simulator
COPY sql sql
RUN pip install --no-cache-dir . && useradd --system --no-create-home --shell /usr/sbin/nologin app
WORKDIR /
USER app
ENTRYPOINT ["sdot"]
