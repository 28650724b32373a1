import type { X509Certificate } from "node:crypto";
import type net from "node:net";
import tls from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { SpiffeError } from "./errors.ts";
import type { SpiffeId } from "./id.ts";
import type { Identity } from "./source.ts";
import { verifyPeer } from "./x509.ts";

/** Decides about a peer whose identity is proven. @throws refuses it */
export type PeerPolicy = (id: SpiffeId) => void;

const ANYBODY: PeerPolicy = () => undefined;
const HANDSHAKE_TIMEOUT_MS = 10_000;

type Connector = ReturnType<grpc.ChannelCredentials["_createSecureConnector"]>;
type Target = Parameters<grpc.ChannelCredentials["_createSecureConnector"]>[0];
type CallCredentials = Parameters<grpc.ChannelCredentials["_createSecureConnector"]>[2];

/**
 * Mutual TLS with X.509-SVIDs for gRPC channels. Each connection uses the identity of its moment, so that rotation needs
 * nothing: connections live on, new ones use the new certificate.
 */
export class SpiffeChannelCredentials extends grpc.ChannelCredentials {
  readonly #identity: () => Identity;
  readonly #policy: PeerPolicy;

  /** @param identity called for each connection */
  constructor(identity: () => Identity, policy: PeerPolicy = ANYBODY) {
    super();
    this.#identity = identity;
    this.#policy = policy;
  }

  override compose(): grpc.ChannelCredentials {
    throw new TypeError("these credentials cannot be composed");
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: grpc.ChannelCredentials): boolean {
    return other === this;
  }

  override _createSecureConnector(
    _target: Target,
    _options: grpc.ChannelOptions,
    credentials: CallCredentials = grpc.CallCredentials.createEmpty(),
  ): Connector {
    return {
      connect: async (socket) => ({ socket: await this.#handshake(socket), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => credentials,
      destroy: () => undefined,
    };
  }

  #handshake(socket: net.Socket): Promise<tls.TLSSocket> {
    const identity = this.#identity();
    return new Promise((resolve, reject) => {
      // Names are SPIFFE IDs, not hosts: the chain is checked below, against the bundle of its trust domain.
      const secured = tls.connect({
        socket,
        ...keyAndChain(identity),
        ALPNProtocols: ["h2"],
        rejectUnauthorized: false,
      });
      const timer = setTimeout(
        () => fail(new SpiffeError("UNAVAILABLE", "the TLS handshake took too long")),
        HANDSHAKE_TIMEOUT_MS,
      );
      const fail = (error: Error) => {
        clearTimeout(timer);
        secured.destroy();
        reject(error);
      };
      secured.once("error", fail);
      secured.once("secureConnect", () => {
        try {
          this.#policy(verifyPeer(chainOf(secured), identity.bundles));
          clearTimeout(timer);
          secured.off("error", fail);
          resolve(secured);
        } catch (error) {
          fail(error as Error);
        }
      });
    });
  }
}

/** The peer's certificates, leaf first. */
export function chainOf(socket: tls.TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && !chain.some((each) => each.fingerprint256 === certificate!.fingerprint256)) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

function keyAndChain({ svid }: Identity): { key: string; cert: string } {
  return {
    key: svid.key.export({ format: "pem", type: "pkcs8" }).toString(),
    cert: svid.certificates.map((each) => each.toString()).join(""),
  };
}

/**
 * Mutual TLS with X.509-SVIDs for gRPC servers, with the identity of this moment: make one for each connection. A client
 * must present a certificate that some bundle vouches for; its id is checked with the call (`verifyPeer`).
 */
export function spiffeServerCredentials(identity: Identity): grpc.ServerCredentials {
  const { key, cert } = keyAndChain(identity);
  const roots = [...identity.bundles.values()].flat().map((each) => each.toString());
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
  return grpc.ServerCredentials.createSsl(Buffer.from(roots.join("")), [pair], true);
}
