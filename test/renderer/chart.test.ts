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

  test('of neighbours do not cover one another', () => {
    const placed = placeLabels(
      [
        { label: 'Q5_K_M', x: 100, y: 60 },
        { label: 'Q5_K_S', x: 108, y: 62 },
      ],
      area,
    );
    const [first, second] = placed.map(({ labelX, labelY, anchor }) => `${labelX}:${labelY}:${anchor}`);
    expect(first).not.toBe(second);
    const heights = placed.map(({ labelY }) => labelY);
    const sides = placed.map(({ anchor }) => anchor);
    expect(sides[0] !== sides[1] || Math.abs((heights[0] ?? 0) - (heights[1] ?? 0)) >= 10).toBe(true);
  });
});
