# restore on a processor:  docker build -f docker/cpu.Dockerfile -t restore:cpu .
FROM python:3.12-slim AS build
COPY setup.py pyproject.toml README.md LICENSE /source/
COPY restore /source/restore
COPY models /source/models
# The package asks for onnxruntime-gpu, which runs on a processor too and is ten times as large.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir /source \
    && /venv/bin/pip uninstall --yes onnxruntime-gpu \
    && /venv/bin/pip install --no-cache-dir onnxruntime

FROM python:3.12-slim
COPY --from=build /venv /venv
RUN useradd --create-home --uid 1000 restore
USER restore
WORKDIR /work
ENTRYPOINT ["/venv/bin/restore"]
CMD ["--help"]
