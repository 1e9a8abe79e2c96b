import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PATIENCE } from "./setting.js";

/** WebKitGTK on a display and with a home of its own, driven by the few commands of WebDriver that are needed here. */
export class WebKit {
  private session = "";

  private constructor(
    private readonly processes: readonly ChildProcess[],
    private readonly home: string,
    private readonly driver: string,
  ) {}

  static async start(): Promise<WebKit> {
    const home = mkdtempSync(join(tmpdir(), "webkit-"));
    const [display, number] = await screen();
    const port = await freePort();
    // Drawn by the processor: the display has no graphics card.
    const settings = { HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: `:${number}`, WEBKIT_DISABLE_DMABUF_RENDERER: "1" };
    const driver = spawn("WebKitWebDriver", [`--port=${port}`], { env: { ...process.env, ...settings }, stdio: "ignore" });
    const webkit = new WebKit([driver, display], home, `http://127.0.0.1:${port}`);
    try {
      await webkit.listening(driver);
      const capabilities = { alwaysMatch: { timeouts: { script: PATIENCE, pageLoad: PATIENCE } } };
      webkit.session = (await webkit.post<{ sessionId: string }>("/session", { capabilities })).sessionId;
    } catch (failed) {
      await webkit.stop();
      throw failed;
    }
    return webkit;
  }

  async goto(address: string): Promise<void> {
    await this.post(`/session/${this.session}/url`, { url: address });
  }

  /** What a function answers in the page; it may use the page's names and what is given, nothing else from here. */
  async evaluate<Given extends unknown[], Answer>(
    work: (...given: Given) => Answer | Promise<Answer>, ...given: Given
  ): Promise<Answer> {
    const script = `const [given, done] = arguments;
      (async () => (${work.toString()})(...given))().then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const answer = await this.post<{ value: Answer; error?: string }>(
      `/session/${this.session}/execute/async`, { script, args: [given] });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }

  async stop(): Promise<void> {
    if (this.session) await fetch(`${this.driver}/session/${this.session}`, { method: "DELETE" }).catch(() => {});
    for (const one of this.processes) {
      if (one.exitCode === null && one.kill()) await once(one, "exit");
    }
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  private async listening(driver: ChildProcess): Promise<void> {
    let failed: Error | null = null;
    driver.on("error", (error) => (failed = error));
    for (const start = Date.now(); Date.now() - start < PATIENCE; await new Promise((resolve) => setTimeout(resolve, 100))) {
      if (failed) throw failed;
      if (driver.exitCode !== null) throw new Error(`WebKitWebDriver ended with ${driver.exitCode}`);
      if (await fetch(`${this.driver}/status`).then((answer) => answer.ok, () => false)) return;
    }
    throw new Error("WebKitWebDriver does not answer");
  }

  private async post<Value>(path: string, body: unknown): Promise<Value> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${this.driver}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const { value } = (await answer.json()) as { value: Value & { error?: string; message?: string } };
    if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  }
}

/** A display that no one sees, and its number, which Xvfb chooses and writes once it can be used. */
async function screen(): Promise<[ChildProcess, string]> {
  const display = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  await once(display, "spawn");
  const lines = createInterface({ input: display.stdio[3] as NodeJS.ReadableStream });
  const [number] = await Promise.race([once(lines, "line"), once(display, "exit").then(() => [])]);
  if (number === undefined) throw new Error("Xvfb ended before it had a display");
  return [display, String(number)];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
