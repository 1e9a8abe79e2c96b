/** Files of this page: fetched while it opens; afterwards, when it may no longer connect, read from what is kept. */
export class Files {
  private readonly held = new Map<string, Uint8Array>();
  private readonly coming = new Map<string, Promise<Uint8Array>>();
  private locked = false;

  /** Whether a service worker keeps files, so that all of them can be had after the page is locked. */
  readonly keeps = "serviceWorker" in navigator && "caches" in globalThis;

  /** The bytes of a file, by its address from this page. */
  async read(path: string): Promise<Uint8Array> {
    const coming = this.coming.get(path);
    this.coming.delete(path);
    if (coming) return coming;
    const held = this.held.get(path) ?? (await this.kept(path));
    if (held) return held;
    if (!this.locked) return bytes(await fetch(address(path)), path);
    await this.ask(path);
    const found = await this.kept(path);
    if (!found) throw new Error(`${path} is not on this device`);
    return found;
  }

  /** Begins to read files that will be asked for, once each. */
  ahead(paths: readonly string[]): void {
    for (const path of paths) {
      const file = this.read(path);
      // An error is thrown to the one who asks.
      file.catch(() => {});
      this.coming.set(path, file);
    }
  }

  /** Holds files in memory, for browsers that keep none. */
  async hold(paths: readonly string[]): Promise<void> {
    await Promise.all(paths.map(async (path) => this.held.set(path, await this.read(path))));
  }

  /**
   * Forbids this page every connection, for good: from here on the browser itself refuses to send or to fetch.
   * A policy that is added can only take rights away, and nothing takes a policy back.
   */
  lock(): void {
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "connect-src 'none'";
    document.head.append(policy);
    this.locked = true;
  }

  private async kept(path: string): Promise<Uint8Array | null> {
    if (!this.keeps) return null;
    const found = await caches.match(address(path), { ignoreSearch: true, ignoreVary: true });
    return found ? bytes(found, path) : null;
  }

  /** Has the service worker, which sees no picture, fetch a file and keep it. */
  private async ask(path: string): Promise<void> {
    if (!this.keeps) throw new Error(`this browser keeps no files; ${path} comes after a reload`);
    const worker = (await navigator.serviceWorker.ready).active;
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise<string | null>((resolve) => {
      port1.onmessage = (event: MessageEvent<string | null>) => resolve(event.data);
    });
    worker?.postMessage(path, [port2]);
    const refused = await answer;
    port1.close();
    if (refused !== null) throw new Error(refused);
  }
}

function address(path: string): string {
  return new URL(path, document.baseURI).href;
}

async function bytes(response: Response, path: string): Promise<Uint8Array> {
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
