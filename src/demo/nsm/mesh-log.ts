/** What NSM's manager tells of its connections, read from its log as JSON. */
export class MeshLog {
  readonly #requests = new Map<string, number>();

  /** One line of the log; what is no event of a connection is left alone. */
  take(line: string): void {
    if (!line.startsWith("{")) return;
    const { event, client } = JSON.parse(line) as { event?: string; client?: string };
    // A manager that was started again knows a connection by its next Request: to it, that is a new one.
    if ((event === "mesh-refreshed" || event === "mesh-connected") && client !== undefined)
      this.#requests.set(client, this.requests(client) + 1);
  }

  /** How often the client of this name had its Request answered: the first time, refreshing, healing. */
  requests(client: string): number {
    return this.#requests.get(client) ?? 0;
  }
}
