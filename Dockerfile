# The worker service. Give it your jobs by building on this image, or by mounting them at /app:
#   docker run --env-file .env --volume "$PWD/my_service:/app/my_service:ro" midday-worker run --import my_service.jobs
# In a checkout, `bash scripts/fetch-dashboard` comes before the build: the package holds the dashboard's page files.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
WORKDIR /src
RUN python -m venv /opt/midday-worker
# An init, as one program without libraries of its own.
RUN apt-get update && apt-get install --yes --no-install-recommends tini \
    && cp /usr/bin/tini-static /opt/midday-worker/bin/tini
# By their hashes. Everything has a wheel, so no compiler is needed.
COPY requirements/build.txt requirements/image.txt ./requirements/
RUN python -m pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements/build.txt \
    && /opt/midday-worker/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY typings ./typings
COPY scripts/hatch_build.py ./scripts/
COPY midday_worker ./midday_worker
# With no index: all that it needs is there by now. pip itself is not needed afterwards.
RUN python -m pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /tmp/wheel . \
    && /opt/midday-worker/bin/python -m pip install --no-index "$(echo /tmp/wheel/*.whl)[email,http,metrics]" \
    && /opt/midday-worker/bin/python -m pip uninstall --yes pip setuptools

FROM python:${PYTHON_VERSION}-slim
RUN groupadd --gid 10001 midday && useradd --uid 10001 --gid midday --no-create-home --shell /usr/sbin/nologin midday
COPY --from=build /opt/midday-worker /opt/midday-worker
ENV PATH=/opt/midday-worker/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production
WORKDIR /app
USER 10001:10001
# One process; WORKER_PROCESSES=4 is for a container with more cores.
# The init reaps processes that a handler's own have left behind. No shell in between: SIGTERM reaches the worker, which lets running jobs finish (WORKER_DRAIN_TIMEOUT, 30 s).
# Give `docker stop` longer than that: --stop-timeout 40.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["midday-worker", "health"]
ENTRYPOINT ["tini", "--", "midday-worker"]
CMD ["run"]
