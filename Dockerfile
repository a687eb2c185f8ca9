# promobot with the programs it drives. Run it with the folder of promobot.yaml mounted at /config:
#   docker run --rm -v "$PWD:/config" -e REGISTRY_PASSWORD promobot plan
# The root file system may be read-only if /tmp is writable.

FROM debian:trixie-slim AS build
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates python3 python3-venv && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.txt requirements-build.txt ./
RUN python3 -m venv /opt/build && \
    /opt/build/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-build.txt
RUN python3 -m venv /opt/promobot && \
    /opt/promobot/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt
COPY . .
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist && \
    /opt/promobot/bin/pip install --no-cache-dir --no-index --no-deps /dist/promobot-*.whl && \
    /opt/promobot/bin/pip uninstall -y pip

FROM debian:trixie-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates git python3 skopeo util-linux && \
    rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin promobot
COPY --from=build /opt/promobot /opt/promobot
ENV PATH=/opt/promobot/bin:/usr/local/bin:/usr/bin:/bin
ENV HOME=/home/promobot
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /config
USER 10001:10001
ENTRYPOINT ["promobot"]
CMD ["--help"]
