import { browserStorage } from '@plumbline/ui/browserStorage';

const RENDERER_KEY = 'plumbline.terminal.renderer';
const SCREEN_READER_KEY = 'plumbline.terminal.screenReader';

/** What the person chose for terminals, in the address (`?renderer=dom`) or in this browser. */
export function terminalPreferences(): { renderer: 'dom' | 'webgl'; screenReader: boolean } {
  const asked = new URLSearchParams(location.search).get('renderer') ?? browserStorage.getItem(RENDERER_KEY);
  return { renderer: asked === 'dom' ? 'dom' : 'webgl', screenReader: browserStorage.getItem(SCREEN_READER_KEY) === 'on' };
}
