import { errors, firstWindow, frameBytes, greatestWindow, settingIds } from './codes.ts';

/** What we say of ourselves when a connection begins. */
export interface OwnSettings {
  readonly role: 'server' | 'client';
  /** Of each stream, at least 65,535: nobody can know of less when he sends his first bytes. */
  readonly streamWindow: number;
  /** Of all together. */
  readonly connectionWindow: number;
  /** Of a server. */
  readonly maxConcurrentStreams: number;
  readonly maxHeaderListSize: number;
  /** RFC 8441, of a server. */
  readonly connectProtocol: boolean;
}

/** What the other side has said. */
export class PeerSettings {
  headerTableSize = 4096;
  maxConcurrentStreams = Infinity;
  initialWindow = firstWindow;
  connectProtocol = false;

  /** Takes the payload of a SETTINGS frame (RFC 9113 §6.5.2). Returns the code of the error that it has. */
  read(bytes: Buffer, from: number, to: number, isServer: boolean): number {
    for (let at = from; at < to; at += 6) {
      const problem = this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2), isServer);
      if (problem !== errors.noError) return problem;
    }
    return errors.noError;
  }

  #set(id: number, value: number, isServer: boolean): number {
    switch (id) {
      case settingIds.headerTableSize:
        this.headerTableSize = value;
        break;
      case settingIds.enablePush:
        if (value > 1 || (value === 1 && !isServer)) return errors.protocolError;
        break;
      case settingIds.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case settingIds.initialWindowSize:
        if (value > greatestWindow) return errors.flowControlError;
        this.initialWindow = value;
        break;
      case settingIds.maxFrameSize:
        if (value < frameBytes || value >= 2 ** 24) return errors.protocolError;
        // Larger frames would only make the other streams wait.
        break;
      case settingIds.enableConnectProtocol:
        if (value > 1) return errors.protocolError;
        this.connectProtocol = value === 1;
        break;
    }
    return errors.noError;
  }
}
