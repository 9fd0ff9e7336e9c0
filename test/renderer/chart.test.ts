import { describe, expect, test } from 'vitest';
import { placeLabels, ticksOf } from '#renderer/screens/convert/chart.ts';

describe('the ticks of an axis', () => {
  test('are round numbers that hold all points', () => {
    expect(ticksOf(0, 3.05, 4)).toEqual([0, 1, 2, 3, 4]);
    expect(ticksOf(0, 0.0302, 4)).toEqual([0, 0.01, 0.02, 0.03, 0.04]);
    expect(ticksOf(-0.002, 0.03, 4)).toEqual([-0.01, 0, 0.01, 0.02, 0.03]);
  });

  test('are there when there is nothing between the ends', () => {
    expect(ticksOf(0, 0, 4).length).toBeGreaterThan(1);
  });
});

describe('the names of the points', () => {
  const area = { left: 0, right: 300, top: 0, bottom: 150 };

  test('stand to the right where there is room, and to the left at the edge', () => {
    const [free, edge] = placeLabels(
      [
        { label: 'Q4_K_M', x: 50, y: 50 },
        { label: 'Q8_0', x: 295, y: 20 },
      ],
      area,
    );
    expect(free?.anchor).toBe('start');
    expect(edge?.anchor).toBe('end');
  });

  test('of points that crowd together do not cover one another', () => {
    const placed = placeLabels(
      [
        { label: 'Q8_0', x: 176.5, y: 127.7 },
        { label: 'Q5_K_M', x: 158.5, y: 122.8 },
        { label: 'Q4_K_M', x: 155, y: 122.2 },
        { label: 'Q4_K_S', x: 152, y: 124 },
      ],
      area,
    );
    const boxes = placed.map(({ label, labelX, labelY, anchor }) => {
      const width = label.length * 5.6;
      const left = { start: labelX, middle: labelX - width / 2, end: labelX - width }[anchor];
      return { left, right: left + width, top: labelY - 9, bottom: labelY + 2 };
    });
    const overlaps = boxes.flatMap((one, index) =>
      boxes
        .slice(index + 1)
        .filter((other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom),
    );
    expect(overlaps).toEqual([]);
  });
});
