export * from './drawScreen.ts';
export * from './headlessTerminal.ts';
export * from './keyframeDue.ts';
export * from './screenDrawing.ts';
export * from './screenState.ts';
export * from './scrollbackLines.ts';
