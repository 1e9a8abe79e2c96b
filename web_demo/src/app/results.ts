import { type Box, type Emotion, ranked } from "fer-export-web";
import type { Words } from "./words.js";

/** A face on the picture with what the network says of it. */
export interface Shown {
  readonly id: number;
  readonly box: Box;
  readonly probabilities: ArrayLike<number>;
}

const element = (id: string): HTMLElement => document.getElementById(id)!;

/** The picture with its faces as buttons, and the bars of the face that was touched. */
export class Results {
  private faces: readonly Shown[] = [];
  private chosen: number | null = null;
  private size: readonly [width: number, height: number] = [1, 1];
  private readonly frame = element("frame");
  private readonly buttons = new Map<number, HTMLButtonElement>();

  constructor(
    private words: Words,
    private labels: readonly string[],
  ) {}

  /** Changes the language. */
  translate(words: Words): void {
    this.words = words;
    this.frame.setAttribute("aria-label", words.of("picture"));
    this.update();
  }

  /** Puts a canvas on the stage; mirrored: as a camera that looks at who holds it. */
  stage(canvas: HTMLCanvasElement, mirrored = false): void {
    this.frame.replaceChildren(canvas);
    canvas.setAttribute("aria-hidden", "true");
    this.frame.classList.toggle("mirrored", mirrored);
    this.frame.setAttribute("aria-label", this.words.of("picture"));
    this.size = [canvas.width, canvas.height];
    this.buttons.clear();
    this.chosen = null;
    element("stage").hidden = false;
    this.show([], this.labels);
  }

  clear(): void {
    element("stage").hidden = true;
    this.frame.replaceChildren();
    this.buttons.clear();
    this.show([], this.labels);
  }

  /** Shows faces, the first of them chosen unless another one is; a chosen face stays chosen while it is there. */
  show(faces: readonly Shown[], labels: readonly string[]): void {
    this.faces = faces;
    this.labels = labels;
    if (!faces.some((face) => face.id === this.chosen)) this.chosen = faces[0]?.id ?? null;
    this.update();
  }

  private update(): void {
    for (const [id, button] of this.buttons) {
      if (this.faces.some((face) => face.id === id)) continue;
      button.remove();
      this.buttons.delete(id);
    }
    this.faces.forEach((face, at) => this.place(face, at + 1));
    this.bars();
  }

  private place(face: Shown, number: number): void {
    const button = this.buttons.get(face.id) ?? this.button(face.id);
    const [width, height] = this.size;
    const mirrored = this.frame.classList.contains("mirrored");
    const percent = (value: number, whole: number): string => `${(100 * value) / whole}%`;
    const { box } = face;
    button.style.left = percent(mirrored ? width - box.right : box.left, width);
    button.style.top = percent(box.top, height);
    button.style.width = percent(box.right - box.left, width);
    button.style.height = percent(box.bottom - box.top, height);
    button.classList.toggle("low", box.top < height * 0.1);
    button.classList.toggle("right", (mirrored ? width - box.left : box.right) > width * 0.75);
    button.setAttribute("aria-pressed", String(face.id === this.chosen));
    const first = ranked(this.labels, face.probabilities)[0]!;
    const said = `${this.words.emotion(first.label)} ${this.words.percent(first.probability)}`;
    button.setAttribute("aria-label", this.words.of("face", number, said));
    button.firstElementChild!.textContent = said;
  }

  private button(id: number): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "face";
    button.append(document.createElement("span"));
    button.addEventListener("click", () => {
      this.chosen = id;
      this.update();
    });
    this.buttons.set(id, button);
    this.frame.append(button);
    return button;
  }

  private bars(): void {
    const face = this.faces.find((one) => one.id === this.chosen);
    element("hint").hidden = face !== undefined;
    element("results-title").textContent =
      face && this.faces.length > 1
        ? this.words.of("results_of", this.faces.indexOf(face) + 1)
        : this.words.of("results");
    const emotions = face ? ranked(this.labels, face.probabilities) : [];
    element("bars").replaceChildren(...emotions.map((emotion) => this.bar(emotion)));
  }

  private bar({ label, probability }: Emotion): HTMLLIElement {
    const item = document.createElement("li");
    const [name, track, percent] = ["span", "div", "span"].map((tag) => document.createElement(tag)) as [
      HTMLElement,
      HTMLElement,
      HTMLElement,
    ];
    name.textContent = this.words.emotion(label);
    track.className = "track";
    track.setAttribute("aria-hidden", "true");
    const filled = document.createElement("div");
    filled.style.width = `${100 * probability}%`;
    track.append(filled);
    percent.className = "percent";
    percent.textContent = this.words.percent(probability);
    item.append(name, track, percent);
    return item;
  }
}
