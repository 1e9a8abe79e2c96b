import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
};

/** A plain static host of some folders, the first that has a file first, with ETags as any host sends them. */
export class StaticHost {
  private constructor(
    private readonly server: Server,
    readonly address: string,
    /** The paths that were asked for. */
    readonly asked: readonly string[],
    /** The paths whose content was sent, in order; what a browser had already is not sent again. */
    readonly sent: readonly string[],
  ) {}

  static async start(...folders: string[]): Promise<StaticHost> {
    const asked: string[] = [];
    const sent: string[] = [];
    const server = createServer((request, response) => {
      const path = normalize(decodeURIComponent(new URL(request.url!, "http://x").pathname));
      asked.push(path);
      const file = folders
        .map((folder) => join(folder, path.endsWith("/") ? `${path}index.html` : path))
        .find((one) => existsSync(one) && statSync(one).isFile());
      if (!file) {
        response.writeHead(404).end();
        return;
      }
      const { mtimeMs, size } = statSync(file);
      const etag = `"${mtimeMs.toString(16)}-${size.toString(16)}"`;
      if (request.headers["if-none-match"] === etag) {
        response.writeHead(304, { etag }).end();
        return;
      }
      sent.push(path);
      response.writeHead(200, { etag, "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
      createReadStream(file).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    return new StaticHost(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, sent);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
