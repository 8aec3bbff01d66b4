import { describe, expect, it } from 'vitest';
import { asBlock } from './pythonHelp.ts';

describe('words out of the sandbox', () => {
  it('cannot end the block that they are shown in', () => {
    const hostile = 'x\n```\n[a](https://example.org)\n````\n![b](https://example.org/p.png)';
    const [fence = '', ...rest] = asBlock(hostile, 'text').split('\n');
    expect(fence).toBe('`````text');
    expect(rest.at(-1)).toBe('`````');
    expect(rest.slice(0, -1).join('\n')).toBe(hostile);
    expect(asBlock('plain', 'python')).toBe('```python\nplain\n```');
  });
});
