/** VPP's binary API. The codec alone, without I/O: "vpp-api-ts/codec". */
export * from "./codec/index.ts";
