// All that differs between AI SDK 5, 6 and 7. This file serves each of them: an application that
// has one version alone imports what it needs directly.
//
//   5  knows no approvals: it would drop a response that asks for one, so it must not accept them,
//      and the gateway does not offer it tools that need one
//   6  as 7
//   7  and late versions of 6 take a resumed stream for a replay of the whole message unless told
//      otherwise; the gateway replays a response, which may continue a message
import * as sdk from 'ai';

export { useChat } from '@ai-sdk/react';

const approvalsAreAnswered = sdk.lastAssistantMessageIsCompleteWithApprovalResponses;

/// Kinds of chunks that the gateway may send beyond those of AI SDK 5.
export const accepts = approvalsAreAnswered ? ['tool-approval-request'] : [];

/// The conversation goes on by itself once every tool has run and every question is answered.
export function sendAutomaticallyWhen(state) {
  return sdk.lastAssistantMessageIsCompleteWithToolCalls(state) ||
    Boolean(approvalsAreAnswered?.(state));
}

export function transportTo(options) {
  return new sdk.DefaultChatTransport({ ...options, resumeStreamIsReplay: false });
}
