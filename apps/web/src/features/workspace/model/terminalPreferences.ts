import { browserStorage } from '@plumbline/ui/browserStorage';

const RENDERER_KEY = 'plumbline.terminal.renderer';
const SCREEN_READER_KEY = 'plumbline.terminal.screenReader';

/**
 * How terminals are drawn: as the person chose, in the address (`?renderer=dom`) or in this browser, and else by the graphics card where
 * there is one.
 */
export function terminalPreferences(): { renderer: 'dom' | 'webgl'; screenReader: boolean } {
  const asked = new URLSearchParams(location.search).get('renderer') ?? browserStorage.getItem(RENDERER_KEY);
  const renderer = asked === 'dom' || asked === 'webgl' ? asked : hasGraphicsCard() ? 'webgl' : 'dom';
  return { renderer, screenReader: browserStorage.getItem(SCREEN_READER_KEY) === 'on' };
}

let graphicsCard: boolean | null = null;

/** WebGL that the processor computes is there too, and takes longer from key to screen than the page's own text: see docs/measurements.md. */
function hasGraphicsCard(): boolean {
  if (graphicsCard === null) {
    const context = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true });
    const named = context?.getExtension('WEBGL_debug_renderer_info')?.UNMASKED_RENDERER_WEBGL;
    graphicsCard = context !== null && !(named !== undefined && isProcessor(String(context.getParameter(named))));
    // A page may have few of them, and each terminal needs one.
    context?.getExtension('WEBGL_lose_context')?.loseContext();
  }
  return graphicsCard;
}

/** Whether what draws WebGL, by the name that the browser gives, is a program: Chromium and Mesa do not own up to it when they are asked for a card. */
export function isProcessor(renderer: string): boolean {
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}
