import { z } from 'zod';

/** What the supervisor's children tell each other over its IPC channels. Nobody else hears it: a child has one parent. */

/** gateway → supervisor → web: where the gateway listens, `127.0.0.1:4801`; null from the supervisor while none takes sockets. */
export const GatewayPlace = z.strictObject({ t: z.literal('gateway'), at: z.string().nullable() });
export type GatewayPlace = z.infer<typeof GatewayPlace>;

/**
 * web → supervisor → gateway, and with it the handle of the socket: the bytes of an upgrade request, as the gateway would have
 * read them from the socket, and what else was read from it.
 */
export const HandedUpgrade = z.strictObject({ t: z.literal('upgrade'), bytes: z.instanceof(Uint8Array<ArrayBufferLike>) });
export type HandedUpgrade = z.infer<typeof HandedUpgrade>;
