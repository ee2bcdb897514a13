# One image for every service: `docker run jobyard services.jobs`. Built by `make compose-up`, or `docker build .`.

# Debian with Python, by its digest: `docker buildx imagetools inspect python:3.12-slim-bookworm` shows the newest.
ARG BASE=python:3.12-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254

FROM ${BASE} AS python
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1

FROM python AS packages
WORKDIR /src
COPY requirements-services.lock ./
RUN python3 -m venv /opt/jobyard \
    && /opt/jobyard/bin/pip install --require-hashes --only-binary :all: -r requirements-services.lock \
    && /opt/jobyard/bin/pip uninstall --yes pip \
    && /opt/jobyard/bin/python -m compileall -q /opt/jobyard/lib

FROM python AS console
WORKDIR /src
COPY requirements-node.lock ./
RUN python3 -m venv /opt/node && /opt/node/bin/pip install --require-hashes -r requirements-node.lock
COPY console/package.json console/package-lock.json console/npm.py console/
COPY docs/openapi.json docs/
COPY console console
RUN /opt/node/bin/python console/npm.py run build

FROM python
LABEL org.opencontainers.image.title="Jobyard" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=packages /opt/jobyard /opt/jobyard
COPY --from=console /src/console/dist /opt/jobyard/app/console/dist
COPY shared /opt/jobyard/app/shared
COPY services /opt/jobyard/app/services
COPY jobyard /opt/jobyard/app/jobyard
ENV PATH=/opt/jobyard/bin:$PATH PYTHONPATH=/opt/jobyard/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    JOBYARD_LOG_FORMAT=json JOBYARD_HEALTH_HOST=0.0.0.0 JOBYARD_HEALTH_PORT=9464
RUN python -m compileall -q /opt/jobyard/app
USER 10001:10001
WORKDIR /opt/jobyard/app
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s --retries=6 \
    CMD ["python", "-m", "shared.probe"]
ENTRYPOINT ["python", "-m"]
CMD ["services.gateway"]
