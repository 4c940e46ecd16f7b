FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
ENV CGO_ENABLED=0
RUN go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" -o /out/c66bot ./cmd/c66bot
RUN mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/c66bot /c66bot
# A new volume takes over the owner of the directory that it is mounted on.
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /data
USER 65532:65532
ENV C66BOT_STORAGE_PATH=/data/c66bot.db \
    C66BOT_HTTP_ADDR=:8067
VOLUME /data
EXPOSE 8067
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/c66bot", "health"]
ENTRYPOINT ["/c66bot"]
CMD ["serve"]
