import type { MetadataRoute } from 'next';

/** Installed as an app the workspace has a window of its own, in which Ctrl-W and its like reach the shell. */
export default function manifest(): MetadataRoute.Manifest {
  return {
    name: 'Plumbline',
    short_name: 'Plumbline',
    description: 'Timed attempts by human experts on the environments that AI agents run on.',
    id: '/',
    start_url: '/',
    scope: '/',
    display: 'standalone',
    background_color: '#0f1115',
    theme_color: '#161920',
    icons: [
      { src: '/icon-192.png', sizes: '192x192', type: 'image/png', purpose: 'any' },
      { src: '/icon-512.png', sizes: '512x512', type: 'image/png', purpose: 'any' },
    ],
  };
}
