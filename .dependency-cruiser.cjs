// Which room of src/ may import which: the table of docs/architecture.md, enforced. A room that is not listed may
// import nothing of ours.
const rooms = {
  vppapi: [],
  sys: [],
  memif: ["sys"],
  maglev: [],
  kernel: ["sys"],
  dataplane: ["maglev", "memif", "kernel", "sys"],
  bridge: ["maglev"],
  history: ["bridge", "maglev", "sys"],
  controller: ["bridge", "maglev", "history"],
  config: ["bridge"],
  control: ["controller", "bridge", "config", "history", "sys"],
  traffic: ["kernel", "sys"],
  target: ["kernel", "sys"],
  observe: ["sys"],
  spiffe: [],
  nsm: ["sys", "spiffe"],
  wiring: ["nsm", "kernel", "sys"],
  demo: ["kernel", "sys", "maglev", "traffic", "target", "control", "config", "bridge"],
  roles: [
    "observe",
    "kernel",
    "sys",
    "maglev",
    "dataplane",
    "bridge",
    "history",
    "controller",
    "config",
    "control",
    "traffic",
    "target",
    "demo",
  ],
  bench: [
    "memif",
    "kernel",
    "sys",
    "maglev",
    "dataplane",
    "bridge",
    "controller",
    "config",
    "control",
    "traffic",
    "roles",
  ],
  cli: ["roles", "control", "config", "maglev", "bridge", "demo", "traffic", "observe"],
};

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "known-room",
      severity: "error",
      comment: "add the room to .dependency-cruiser.cjs and to docs/architecture.md",
      from: { path: "^src/", pathNot: Object.keys(rooms).map((room) => `^src/${room}/`) },
      to: {},
    },
    {
      name: "observe-types-only",
      severity: "error",
      comment: "src/observe subscribes to what the rooms emit: of them it imports types only, and runs nothing but sys",
      from: { path: "^src/observe/" },
      to: { path: "^src/", pathNot: "^src/(observe|sys|vppapi)/", dependencyTypesNot: ["type-only"] },
    },
    ...Object.entries(rooms)
      .filter(([room]) => room !== "observe")
      .map(([room, allowed]) => ({
        name: `${room}-imports`,
        severity: "error",
        comment: `src/${room} may import only: ${["itself", ...allowed].join(", ")} (and packages, vpp-api-ts among them, unless it is vppapi)`,
        from: { path: `^src/${room}/` },
        to: {
          path: "^src/",
          pathNot: [room, ...allowed, ...(["vppapi", "sys", "maglev", "memif"].includes(room) ? [] : ["vppapi"])].map(
            (name) => `^src/${name}/`,
          ),
        },
      })),
    { name: "not-to-test", severity: "error", from: { path: "^src/" }, to: { path: "^test/" } },
    { name: "not-to-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.test.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["source", "import", "default", "types"] },
  },
};
