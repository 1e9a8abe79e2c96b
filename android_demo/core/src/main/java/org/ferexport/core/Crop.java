package org.ferexport.core;

/**
 * Photo and box to the grey face that the network takes, in exact integer arithmetic.
 *
 * <p>Coordinates are clamped to +-{@link #REACH}; s = max(1, right - left, bottom - top); the side is s * scale / 1000,
 * rounded, at least 1 and at most the picture's shorter side; its centre is the box's, moved by the floor of s * shift
 * / 1000; it starts at the floor of centre - side / 2 and is then shifted to lie inside the picture. Only the crop of a
 * photo is ever converted, whatever its size.
 */
public final class Crop {
    /** Largest coordinate, either way, that a box is taken to have, in pixels. */
    static final int REACH = 100_000;

    private Crop() {}

    /** The square of a box in a photo of width x height pixels. */
    public static Square square(Box box, int width, int height, Contract.CropRule rule) {
        long left = clamped(box.left);
        long top = clamped(box.top);
        long right = clamped(box.right);
        long bottom = clamped(box.bottom);
        long longer = Math.max(1, Math.max(right - left, bottom - top));
        long wanted = Math.max(1, Math.floorDiv(longer * rule.scale + 500, 1000L));
        long side = Math.min(wanted, Math.min(width, height));
        long startX = start(left + right, longer * rule.shiftX, side);
        long startY = start(top + bottom, longer * rule.shiftY, side);
        int x = (int) Math.min(Math.max(startX, 0), width - side);
        int y = (int) Math.min(Math.max(startY, 0), height - side);
        return new Square(x, y, (int) side);
    }

    /** The square's pixels as the network's input: size * size grey levels from 0 to 255, row by row. */
    public static byte[] face(final Picture photo, final Square square, Contract contract) {
        final Contract.GreyRule grey = contract.grey;
        AreaAverage.Rows rows = new AreaAverage.Rows() {
            @Override
            public void read(int row, int[] values) {
                photo.read(square.top + row, square.left, square.side, values);
                for (int at = 0; at < square.side; at++) {
                    values[at] = grey.of(values[at]);
                }
            }
        };
        return new AreaAverage(rows, square.side, square.side, 1, contract.size, contract.size).average();
    }

    private static long clamped(int coordinate) {
        return Math.min(Math.max(coordinate, -REACH), REACH);
    }

    /** The floor of centre - side / 2; `twice` is twice the box's centre, `moved` its shift in thousandths. */
    private static long start(long twice, long moved, long side) {
        return Math.floorDiv(twice + 2 * Math.floorDiv(moved, 1000L) - side, 2L);
    }
}
