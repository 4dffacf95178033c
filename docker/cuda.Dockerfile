# restore on an NVIDIA GPU:  docker build -f docker/cuda.Dockerfile -t restore:cuda .
# CUDA and cuDNN come as packages of Python; the driver is the host's, by the NVIDIA container toolkit.
FROM python:3.13-slim AS build
# Before the source: changes to it then install no packages again. What is locked is checked by its SHA-256.
COPY docker/cuda.lock.txt /source/
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /source/cuda.lock.txt
COPY setup.py pyproject.toml README.md LICENSE /source/
COPY restore /source/restore
COPY models /source/models
RUN /venv/bin/pip install --no-cache-dir --no-deps /source

FROM python:3.13-slim
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build /venv /venv
RUN useradd --create-home --uid 1000 restore
USER restore
WORKDIR /work
ENTRYPOINT ["/venv/bin/restore"]
CMD ["--help"]
