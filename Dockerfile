# One image, five commands: web (default), worker, provisioner, terminal-host, migrate; `ledger verify` too.
#
#   docker build --build-arg BERTH_VERSION=0.1.0 --build-arg BERTH_COMMIT=$(git rev-parse HEAD) -t berth .
#   docker run --read-only --tmpfs /tmp --env-file berth.env -p 8000:8000 berth
#   docker run --read-only --tmpfs /tmp --env-file berth.env --no-healthcheck berth worker
#
# Nothing of the development stack and no build tool is inside. Nothing is written at run time.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/run.lock /build/run.lock
RUN python -m venv --without-pip /opt/berth/venv \
    && python -m pip --python /opt/berth/venv/bin/python install --no-compile --no-deps --only-binary :all: \
        --require-hashes -r /build/run.lock
COPY app /opt/berth/app
COPY workers /opt/berth/workers
COPY migrations /opt/berth/migrations
COPY devstack/assets.py /build/assets.py
RUN /opt/berth/venv/bin/python /build/assets.py /opt/berth/app/static
# Hash-checked bytecode is trusted unchecked: the files below it never change.
RUN /opt/berth/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        /opt/berth/venv/lib /opt/berth/app /opt/berth/workers /opt/berth/migrations

FROM python:3.13-slim-bookworm
RUN groupadd --gid 10001 berth && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin berth
COPY --from=build /opt/berth /opt/berth
WORKDIR /opt/berth
ARG BERTH_VERSION=0.1.0
ARG BERTH_COMMIT=unknown
ENV PATH=/opt/berth/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BERTH_ENV=production \
    BERTH_HOST=0.0.0.0 \
    BERTH_PORT=8000 \
    BERTH_VERSION=$BERTH_VERSION \
    BERTH_COMMIT=$BERTH_COMMIT
LABEL org.opencontainers.image.title="Berth" \
    org.opencontainers.image.version=$BERTH_VERSION \
    org.opencontainers.image.revision=$BERTH_COMMIT
USER 10001:10001
EXPOSE 8000
# For web. The others answer no HTTP: run them with --no-healthcheck; they end when they cannot work.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['BERTH_PORT'] + '/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["web"]
