# restore on a processor:  docker build -f docker/cpu.Dockerfile -t restore:cpu .
FROM python:3.13-slim AS build
# Before the source: changes to it then install no packages again. What is locked is checked by its SHA-256.
COPY docker/cpu.lock.txt /source/
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /source/cpu.lock.txt
COPY setup.py pyproject.toml README.md LICENSE /source/
COPY restore /source/restore
COPY models /source/models
RUN /venv/bin/pip install --no-cache-dir --no-deps /source

FROM python:3.13-slim
COPY --from=build /venv /venv
RUN useradd --create-home --uid 1000 restore
USER restore
WORKDIR /work
ENTRYPOINT ["/venv/bin/restore"]
CMD ["--help"]
