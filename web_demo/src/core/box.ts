/**
 * A face in a photo, in whole pixels of the upright picture; right and bottom are the first pixels outside.
 *
 * May lie beyond the picture's border, partly or wholly.
 */
export class Box {
  constructor(
    readonly left: number,
    readonly top: number,
    readonly right: number,
    readonly bottom: number,
  ) {}

  /** Pixels that the box covers, beyond the picture too. */
  get area(): number {
    return (this.right - this.left) * (this.bottom - this.top);
  }

  /** The longer side, at least 1. */
  get side(): number {
    return Math.max(1, this.right - this.left, this.bottom - this.top);
  }

  /** Pixels that both boxes cover. */
  shared(other: Box): number {
    const width = Math.min(this.right, other.right) - Math.max(this.left, other.left);
    const height = Math.min(this.bottom, other.bottom) - Math.max(this.top, other.top);
    return Math.max(width, 0) * Math.max(height, 0);
  }

  /** The largest difference of any edge, in pixels. */
  distance(other: Box): number {
    return Math.max(
      Math.abs(this.left - other.left),
      Math.abs(this.top - other.top),
      Math.abs(this.right - other.right),
      Math.abs(this.bottom - other.bottom),
    );
  }

  /** Left, top, right and bottom. */
  get edges(): [number, number, number, number] {
    return [this.left, this.top, this.right, this.bottom];
  }
}

/** The part of a photo that becomes the face, in pixels; always inside the picture. */
export class Square {
  constructor(
    readonly left: number,
    readonly top: number,
    readonly side: number,
  ) {}

  /** The same pixels as a box. */
  get box(): Box {
    return new Box(this.left, this.top, this.left + this.side, this.top + this.side);
  }
}

/** A face that was found. */
export interface Face {
  readonly box: Box;
  /** From 0 to 1. */
  readonly score: number;
  /** File of the detector whose box it is. */
  readonly detector: string;
}
