// SPDX-License-Identifier: Apache-2.0
// The suite as a page has it.
import * as grpc from 'grpc-web';
import { run, runGrpcWeb } from './suite.js';

globalThis.suite = {
  run, runGrpcWeb: (baseUrl) => runGrpcWeb(grpc.default ?? grpc, baseUrl),
};
