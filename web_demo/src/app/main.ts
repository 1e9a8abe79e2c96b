import { Bundle, type ModelRuntime, Pipeline, Smoothing } from "fer-export-web";
import { liteRt } from "fer-export-web/litert";
import folders, { needed } from "virtual:bundles";
import { Camera, CameraError } from "./camera.js";
import { CheckDialog } from "./check.js";
import { Files } from "./files.js";
import { nameOf, type Network, networksOf, OnnxOnDemand } from "./networks.js";
import { PhotoError, pixels, readPhoto } from "./photos.js";
import { liteRtBuild } from "./relaxedSimd.js";
import { Results, type Shown } from "./results.js";
import { type Word, Words } from "./words.js";

const element = <Kind extends HTMLElement = HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;

/** The page: what is shown now, and which network answers. */
class Page {
  private words = Words.preferred();
  private readonly files = new Files();
  private readonly onnx = new OnnxOnDemand(this.files);
  private readonly smoothing = new Smoothing();
  private results = new Results(this.words, []);
  private pipeline!: Pipeline;
  private runtime!: ModelRuntime;
  private networks: Network[] = [];
  private network!: Network;
  private check: CheckDialog | null = null;
  private camera: Camera | null = null;
  private photo: HTMLCanvasElement | null = null;
  private said: [Word, ...(string | number)[]] = ["loading"];
  /** Pictures and networks take their turns: a pipeline is for one photo at a time. */
  private turn: Promise<unknown> = Promise.resolve();

  async open(): Promise<void> {
    this.translate(this.words);
    element("language").addEventListener("click", () => {
      this.translate(this.words.other);
      localStorage.setItem("language", this.words.language);
    });
    try {
      await this.load();
    } catch (error) {
      this.say("broken", (error as Error).message);
      return;
    }
    this.listen();
    for (const id of ["choose", "camera", "network", "check"]) element<HTMLButtonElement>(id).disabled = false;
    this.say("start");
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
    // Only now, beside the person's first steps.
    void this.inTurn(async () => {
      await this.pipeline.complete();
      await this.measure([new Uint8Array(this.network.bundle.contract.size ** 2).fill(128)]);
      document.documentElement.dataset.complete = String(Math.round(performance.now()));
    });
    // So that what is kept for later does not wait beside what the first picture needs.
    if (this.files.keeps && import.meta.env.PROD) void navigator.serviceWorker.register("./sw.js", { scope: "./" });
  }

  /** Loads what the first picture needs, then forbids this page every connection. */
  private async load(): Promise<void> {
    this.files.ahead(needed);
    const [runtime, bundles] = await Promise.all([
      liteRt(new URL(`runtimes/litert/${liteRtBuild()}.js`, document.baseURI).href),
      Promise.all(folders.map(async (name) => [`bundles/${name}`, await this.bundle(`bundles/${name}`)] as const)),
    ]);
    this.runtime = runtime;
    this.networks = networksOf(bundles);
    this.network = this.networks[0]!;
    const { bundle, folder } = this.network;
    this.pipeline = await Pipeline.load(bundle, runtime, this.network.variant);
    if (!this.files.keeps) {
      const needed = bundle.manifest.files.filter((file) => !file.startsWith("models/"));
      const small = this.networks.filter((one) => one.variant === one.bundle.manifest.preferred);
      const models = small.map((one) => `${one.folder}/${one.variant.file}`);
      await this.files.hold([...needed.map((file) => `${folder}/${file}`), ...models]);
    }
    this.files.lock();
    this.results = new Results(this.words, bundle.contract.labels);
    this.check = new CheckDialog(this.words, bundle, runtime);
    this.offer();
  }

  private bundle(folder: string): Promise<Bundle> {
    return Bundle.open((path) => this.files.read(`${folder}/${path}`));
  }

  private listen(): void {
    const file = element<HTMLInputElement>("file");
    element("choose").addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      const [chosen] = file.files ?? [];
      if (chosen) void this.choose(chosen);
      file.value = "";
    });
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      const [dropped] = event.dataTransfer?.files ?? [];
      if (dropped) void this.choose(dropped);
    });
    element("camera").addEventListener("click", () => void this.live());
    element("stop").addEventListener("click", () => this.stop());
    element("take").addEventListener("click", () => {
      const photo = this.camera?.photo();
      if (photo) void this.show(photo);
    });
    element("network").addEventListener("change", () => void this.use(element<HTMLSelectElement>("network")));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.stop();
    });
  }

  private async choose(file: File): Promise<void> {
    this.say("reading");
    try {
      await this.show(await readPhoto(file));
    } catch (error) {
      if (error instanceof PhotoError) this.say("unreadable");
      else this.say("failed", (error as Error).message);
    }
  }

  /** Shows a photo and what is found in it. */
  private async show(photo: HTMLCanvasElement): Promise<void> {
    this.close();
    this.photo = photo;
    this.results.stage(photo);
    await this.analyse();
  }

  private async analyse(): Promise<void> {
    const { photo } = this;
    if (!photo) return;
    this.say("analysing");
    await painted();
    await this.inTurn(async () => {
      if (this.photo !== photo) return;
      const start = performance.now();
      const found = await this.pipeline.predict(pixels(photo));
      const took = Math.round(performance.now() - start);
      if (this.photo !== photo) return;
      const { labels } = this.network.bundle.contract;
      this.results.show(found.map(({ face, probabilities }, id) => ({ id, box: face.box, probabilities })), labels);
      if (found.length) await this.measure(found.map((one) => one.gray));
      element("time").textContent = this.words.of("took", took);
      this.say(found.length === 0 ? "no_face" : found.length === 1 ? "one_face" : "faces", found.length);
    });
  }

  private async live(): Promise<void> {
    if (this.camera) return;
    try {
      this.camera = await Camera.open();
    } catch (error) {
      if (!(error instanceof CameraError)) throw error;
      this.say(error.word);
      return;
    }
    this.photo = null;
    const { camera } = this;
    this.results.stage(camera.canvas, camera.mirrored);
    this.smoothing.reset();
    this.buttons();
    this.say("analysing");
    await this.follow(camera);
  }

  /** Analyses one picture after the other until the camera is closed. */
  private async follow(camera: Camera): Promise<void> {
    const times: number[] = [];
    let pictures = 0;
    while (this.camera === camera) {
      await camera.next();
      if (this.camera !== camera) return;
      const shot = camera.shot();
      const predictions = await this.inTurn(() => this.pipeline.predict(shot, 1));
      if (this.camera !== camera) return;
      const now = performance.now();
      const tracks: readonly Shown[] = this.smoothing.add(predictions, now);
      this.results.show(tracks, this.network.bundle.contract.labels);
      times.push(now);
      pictures++;
      while (times.length > 2 && now - times[0]! > 2000) times.shift();
      const rate = times.length > 1 ? ((times.length - 1) * 1000) / (now - times[0]!) : 0;
      element("time").textContent = rate ? this.words.of("live", this.words.number(rate, 0)) : "";
      Object.assign(element("time").dataset, { rate: rate.toFixed(1), pictures });
      const word: Word = tracks.length === 0 ? "live_none" : tracks.length === 1 ? "one_face" : "faces";
      // A status that repeats itself is read out again and again.
      if (this.said[0] !== word || this.said[1] !== tracks.length) this.say(word, tracks.length);
    }
  }

  private stop(): void {
    if (!this.camera) return;
    this.close();
    this.results.clear();
    element("time").textContent = "";
    this.say("start");
  }

  private close(): void {
    this.camera?.close();
    this.camera = null;
    this.buttons();
  }

  private buttons(): void {
    const on = this.camera !== null;
    for (const id of ["choose", "camera"]) element(id).hidden = on;
    for (const id of ["take", "stop"]) element(id).hidden = !on;
    if (on) element("take").focus();
  }

  /** Changes to the network that was chosen; where it cannot be had, the former one stays. */
  private async use(select: HTMLSelectElement): Promise<void> {
    const next = this.networks[select.selectedIndex]!;
    const former = this.said;
    this.say("fetching", nameOf(next));
    try {
      await this.inTurn(async () => {
        const runtime = next.variant.format === "onnx" ? await this.onnx.get() : this.runtime;
        await this.pipeline.use(next.bundle, next.variant, runtime);
        this.network = next;
        await this.measure([new Uint8Array(next.bundle.contract.size ** 2).fill(128)]);
      });
      this.smoothing.reset();
      this.say(...former);
      await this.analyse();
    } catch (error) {
      console.info(error);
      this.offer();
      this.say("not_here");
    }
  }

  private async measure(grays: readonly Uint8Array[]): Promise<void> {
    this.network.latency = await this.pipeline.latency(grays);
    this.offer();
  }

  private offer(): void {
    const select = element<HTMLSelectElement>("network");
    select.replaceChildren(
      ...this.networks.map((network) => {
        const time = network.latency === null ? null : this.words.number(network.latency, 1);
        const text = time === null ? nameOf(network) : this.words.of("network_time", nameOf(network), time);
        return new Option(text, "", network === this.network, network === this.network);
      }),
    );
    const { accuracy } = this.network.variant;
    element("measured").textContent = accuracy === null ? "" : this.words.of("measured", this.words.percent(accuracy));
  }

  private translate(words: Words): void {
    this.words = words;
    document.documentElement.lang = words.language;
    document.title = words.of("title");
    for (const each of document.querySelectorAll<HTMLElement>("[data-word]")) {
      each.textContent = words.of(each.dataset.word as Word);
    }
    element("language").lang = words.other.language;
    this.say(...this.said);
    if (!this.networks.length) return;
    this.offer();
    this.results.translate(words);
    this.check?.translate(words);
    element("time").textContent = "";
  }

  private say(word: Word, ...gaps: (string | number)[]): void {
    this.said = [word, ...gaps];
    element("status").textContent = this.words.of(word, ...gaps);
    element("status").dataset.said = word;
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.turn.then(work, work);
    this.turn = done.catch(() => {});
    return done;
  }
}

/** Resolves after the browser has painted once. */
function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

void new Page().open();
