# Two stages: the first lays out a root folder, the second is that folder and nothing else (no shell, no package manager).
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN ./do image /image

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=10001:10001 /image/data /data
ENV LANG=C.UTF-8 \
    TENOR_HOST=0.0.0.0 \
    TENOR_PORT=8081 \
    TENOR_DATABASE_URL=sqlite:////data/tenor.db
WORKDIR /data
VOLUME /data
EXPOSE 8081
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/python3.11", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['TENOR_PORT'] + '/health/ready', timeout=2)"]
ENTRYPOINT ["/usr/local/bin/tenor-server"]
CMD ["serve"]
