# syntax=docker/dockerfile:1
# vpplb: every role is a command of one image. docs/kubernetes.md tells how it is run.

# Compiles, and leaves node_modules with what runs only.
FROM node:20-slim AS build
WORKDIR /vpplb
COPY package.json package-lock.json .npmrc ./
COPY src/vppapi/package.json src/vppapi/
COPY src/nsm/package.json src/nsm/
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.base.json ./
COPY src/ src/
COPY proto/ proto/
RUN node node_modules/typescript/bin/tsc -b src/nsm . \
 && npm prune --omit=dev --no-audit --no-fund

# The agents, the command line, the embedded dataplane.
FROM node:20-slim AS vpplb
RUN apt-get update \
 && apt-get install -y --no-install-recommends ethtool iproute2 iputils-ping netcat-openbsd tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /vpplb
COPY --from=build /vpplb/node_modules/ node_modules/
COPY --from=build /vpplb/dist/ dist/
COPY --from=build /vpplb/src/vppapi/package.json src/vppapi/
COPY --from=build /vpplb/src/vppapi/dist/ src/vppapi/dist/
COPY --from=build /vpplb/src/nsm/package.json src/nsm/
COPY --from=build /vpplb/src/nsm/dist/ src/nsm/dist/
COPY --from=build /vpplb/src/nsm/proto/ src/nsm/proto/
COPY package.json LICENSE ./
COPY bin/ bin/
COPY proto/ proto/
COPY scripts/nsehook.sh scripts/
COPY docker/vppctl /usr/local/bin/vppctl
RUN ln -s /vpplb/bin/vpplb.js /usr/local/bin/vpplb \
 && install -d -o node -g node /run/vpp /run/vpplb /var/lib/vpplb
ENV NODE_ENV=production
# Where there is nothing to program this is enough; the manifests say root, with the capabilities that each role needs.
USER node
# Programs that a hook leaves behind are tini's to bury; signals go to the agent, which ends in order.
ENTRYPOINT ["tini", "--", "vpplb"]
CMD ["--help"]
