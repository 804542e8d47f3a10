import { firstWindow, preface, settingIds, types } from './codes.ts';
import type { Outbound } from './outbound.ts';
import type { OwnSettings } from './settings.ts';

/** The first that each side says (RFC 9113 §3.4): SETTINGS, and how much may come over the connection. */
export const greet = (out: Outbound, { role, streamWindow, connectionWindow, maxConcurrentStreams, maxHeaderListSize, connectProtocol }: OwnSettings): void => {
  const isServer = role === 'server';
  const settings: [id: number, value: number][] = isServer ? [[settingIds.maxConcurrentStreams, maxConcurrentStreams]] : [[settingIds.enablePush, 0]];
  settings.push([settingIds.initialWindowSize, streamWindow], [settingIds.maxHeaderListSize, maxHeaderListSize]);
  if (isServer && connectProtocol) settings.push([settingIds.enableConnectProtocol, 1]);
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  });
  if (!isServer) out.raw(preface);
  out.control(types.settings, 0, 0, [], payload);
  if (connectionWindow > firstWindow) out.windowUpdate(0, connectionWindow - firstWindow);
};
