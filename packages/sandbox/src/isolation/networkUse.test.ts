import { describe, expect, it } from 'vitest';
import { deviceBytes, peersOf } from './networkUse.ts';

const DEVICES = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  900000     100    0    0    0     0          0         0   900000     100    0    0    0     0       0          0
  tap0:  123456      20    0    0    0     0          0         0     7890      10    0    0    0     0       0          0
`;

const CONNECTIONS = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 6402000A:C350 22D8B85D:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 20 4 30 10 -1
   1: 6402000A:C351 22D8B85D:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:C352 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 30 10 -1
   3: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4 1 0 100 0 0 10 0
   4: 00000000000000000000000000000000:C353 B80D0120000000000000000001000000:0050 01 00000000:00000000 00:00000000 00000000 0
   5: 0000000000000000FFFF00006402000A:C354 0000000000000000FFFF00000A0200C0:0016 01 00000000:00000000 00:00000000 00000000 0
`;

describe('network use', () => {
  it('sums every device but loopback', () => {
    expect(deviceBytes(DEVICES)).toEqual({ receivedBytes: 123_456, sentBytes: 7_890 });
  });

  it('names each peer of an established connection once, in both families, without loopback', () => {
    expect(peersOf(CONNECTIONS)).toEqual([
      { address: '93.184.216.34', port: 443 },
      { address: '2001:db8::1', port: 80 },
      { address: '192.0.2.10', port: 22 },
    ]);
  });
});
