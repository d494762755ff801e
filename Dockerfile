# One image for all services of ours; the command says which.
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
# /mosquitto/logins is mosquitto's (uid 1883 in its image): a new volume takes its owner from the folder it covers
RUN pip install --no-cache-dir . \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app \
    && install -d -m 0700 -o 1883 -g 1883 /mosquitto/logins
WORKDIR /
USER 10001
ENV PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["sdot"]
