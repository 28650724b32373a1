import { checkedName, KERNEL, labelsOf, MEMIF } from "@networkservicemesh/sdk-ts";
import { NscError } from "./errors.ts";

/** A network service that is asked for. */
export interface ServiceRequest {
  /** As it was written. */
  readonly url: string;
  readonly mechanism: typeof KERNEL | typeof MEMIF;
  /** `service` or `service@domain`. */
  readonly service: string;
  /** Of the interface: the kernel's name for KERNEL, a label in the status for MEMIF. */
  readonly device: string;
  readonly labels: Readonly<Record<string, string>>;
}

const MECHANISMS: Readonly<Record<string, ServiceRequest["mechanism"]>> = { "kernel:": KERNEL, "memif:": MEMIF };
const FORM = "kernel://SERVICE[@DOMAIN][/INTERFACE][?LABEL=VALUE&...] or memif://...";
const MAX_SERVICES = 64;
const MAX_LABELS = 64;
const MAX_TEXT = 255;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/**
 * Urls as NSM's clients take them (sdk pkg/tools/nsurl); interfaces without a name become nsm0, nsm1...
 * @param labels of all of them; a url's own come first
 * @throws NscError INPUT
 */
export function parseServices(
  urls: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): readonly ServiceRequest[] {
  if (urls.length === 0) throw new NscError("INPUT", `no network service is asked for: give ${FORM}`);
  if (urls.length > MAX_SERVICES)
    throw new NscError("INPUT", `${urls.length} network services: ${MAX_SERVICES} at most`);
  const parsed = urls.map((url) => parseServiceUrl(url));
  const taken = new Map<string, string>();
  for (const { device, url } of parsed) {
    if (device === undefined) continue;
    const other = taken.get(device);
    if (other !== undefined) throw new NscError("INPUT", `${other} and ${url} both name the interface ${device}`);
    taken.set(device, url);
  }
  let next = 0;
  const freeName = (): string => {
    while (taken.has(`nsm${next}`)) next += 1;
    taken.set(`nsm${next}`, "");
    return `nsm${next}`;
  };
  return parsed.map((one) => ({ ...one, device: one.device ?? freeName(), labels: { ...labels, ...one.labels } }));
}

type Parsed = Omit<ServiceRequest, "device"> & { readonly device: string | undefined };

/** @throws NscError INPUT */
export function parseServiceUrl(text: string): Parsed {
  const wrong = (why: string): NscError => new NscError("INPUT", `${JSON.stringify(text)}: ${why}: ${FORM}`);
  if (!URL.canParse(text)) throw wrong("this is no url");
  const url = new URL(text);
  const mechanism = MECHANISMS[url.protocol];
  if (mechanism === undefined) throw wrong(`${url.protocol}// is no mechanism of this agent`);
  if (url.password !== "" || url.port !== "" || url.hash !== "") throw wrong("it has a part that means nothing here");
  const [name, domain] = url.username === "" ? [url.hostname] : [url.username, url.hostname];
  for (const part of domain === undefined ? [name] : [name, domain])
    if (part.length > MAX_TEXT || !NAME.test(part)) throw wrong(`${JSON.stringify(part)} is no name of a service`);
  const service = domain === undefined ? name : `${name}@${domain}`;
  const [, device = "", ...rest] = pathOf(url, wrong).split("/");
  if (rest.length > 0) throw wrong("more than one interface");
  try {
    if (device !== "") checkedName(device);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  // A map: labels may have any name, also those that every object has.
  const labels = new Map<string, string>();
  for (const [key, value] of url.searchParams) {
    const before = labels.get(key);
    labels.set(key, before === undefined ? value : `${before},${value}`);
  }
  return {
    ...{ url: text, mechanism, service },
    device: device === "" ? undefined : device,
    labels: checkedLabels(Object.fromEntries(labels), text),
  };
}

function pathOf(url: URL, wrong: (why: string) => NscError): string {
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    throw wrong("its path is malformed");
  }
}

/** `a=b,c=d`; `a:b` as envconfig writes it is taken too. @throws NscError INPUT */
export function parseLabels(text: string, what: string): Record<string, string> {
  const entries = text.split(",").map((entry) => entry.trim());
  const wrong = (entry: string) =>
    new NscError("INPUT", `${what}: ${JSON.stringify(entry)} is no label: NAME=VALUE,NAME=VALUE`);
  return checkedLabels(
    labelsOf(
      entries.filter((entry) => entry !== ""),
      wrong,
    ),
    what,
  );
}

function checkedLabels(labels: Record<string, string>, what: string): Record<string, string> {
  const entries = Object.entries(labels);
  const good = ([key, value]: readonly [string, string]) =>
    key !== "" && key.length <= MAX_TEXT && value.length <= MAX_TEXT;
  if (entries.length <= MAX_LABELS && entries.every(good)) return labels;
  throw new NscError(
    "INPUT",
    `${what}: at most ${MAX_LABELS} labels, each with a name, and texts of at most ${MAX_TEXT} characters`,
  );
}
