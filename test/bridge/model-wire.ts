type Fields = Record<string, unknown>;

/** A refusal, with VPP's return value as the binding's error has it. */
export class Refusal extends Error {
  readonly retval: number;
  constructor(retval: number, message: string) {
    super(`${message} (${retval})`);
    this.retval = retval;
  }
}

export function wireAddress(text: string): Fields {
  return { af: text.includes(":") ? 1 : 0, un: { ip4: text, ip6: text } };
}

export function wirePrefix(text: string): Fields {
  const [address = "", length] = text.split("/");
  return { address: wireAddress(address), len: Number(length) };
}
