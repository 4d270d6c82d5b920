# docker build -t registry.example.com/database-failover-operator:0.1.0 .
# Pin both by digest for a release: --build-arg RUNTIME_IMAGE=...@sha256:...
ARG BUILD_IMAGE=node:24-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The compiler is an optional dependency by platform, so this stage takes all of them.
FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY hack/bundle.ts ./hack/
COPY src ./src
RUN npm run build

# None of the optional ones is for production: they are PostgreSQL for the local world.
FROM ${BUILD_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="database-failover-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
# Young garbage is kept in 16 MiB halves by default, which costs 50 MB at rest and gains nothing here.
ENV NODE_OPTIONS=--max-semi-space-size=1
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
USER 65532:65532
EXPOSE 8080
# The arguments of a container are the operator's flags.
ENTRYPOINT ["/nodejs/bin/node", "dist/main.js"]
