"""Wire models: what the REST API and the CLI say to each other, and the spec.

Pydantic only; nothing here imports another layer. ``names`` and ``paths`` are free of pydantic
too, for callers that must start quickly. JSON keys are snake_case, times are RFC 3339 in UTC,
hashes, addresses and data are lower-case ``0x`` strings, amounts of coins and tokens are decimal
strings in whole units (``"10.5"``), durations are seconds.

Which model stands where (all below ``/v1/devnets`` unless it begins with a slash)::

    POST   .                              CreateDevnet    -> 202 DevnetStatus, Location
    GET    .                                              -> [DevnetSummary]
    GET    {name}                                         -> DevnetStatus
    PATCH  {name}                         PatchDevnet     -> 202 DevnetStatus
    DELETE {name}?wait=                                   -> 202 DevnetSummary, waited: 204
    GET    {name}/plan                                    -> PlanView
    GET    {name}/accounts                                -> AccountsView
    GET    {name}/env                                     -> EnvView
    GET    {name}/contracts?abi=                          -> [ContractView]
    GET    {name}/rollups[/{rollup}]                      -> [RollupStatus] | RollupStatus
    POST   {name}/rollups                 AddRollup       -> 202 DevnetStatus, Location
    DELETE {name}/rollups/{rollup}?wait=                  -> 202 DevnetStatus
    GET    {name}/services[/{service}]                    -> [ServiceView] | ServiceView
    PATCH  {name}/services/{service}      PatchService    -> 202 ServiceView
    GET    {name}/services/{service}/logs?follow=&since=&tail=   -> text/plain, streamed
    POST   {name}/messages                SendMessage     -> MessageSent
    GET    {name}/messages?state=&origin=&destination=&limit=    -> [MessageView]
    GET    {name}/messages/{id}                           -> TraceView (a unique prefix will do)
    POST   {name}/messages/{id}/retry                     -> TraceView (202)
    GET    {name}/proofs/messages/{id}                    -> MessageProofView
    GET    {name}/proofs/storage/{rollup}/{address}?slot= -> StorageProofView
    GET    {name}/epochs?limit=&before=                   -> [EpochView]
    GET    {name}/epochs/{n}                              -> EpochView (`latest` will do)
    GET    {name}/epochs/sync?since=                      -> EpochSyncView
    GET    {name}/offences                                -> [OffenceView]
    GET    {name}/guardians                               -> [GuardianView]
    POST   {name}/guardians/{guardian}/slash SlashGuardian -> StakeView
    POST   {name}/faucet                  FaucetRequest   -> FaucetResult
    GET    {name}/bridge/deposits?rollup=&limit=          -> [DepositView]
    POST   {name}/bridge/deposits         MakeDeposit     -> DepositView (201), Location
    GET    {name}/bridge/deposits/{id}                    -> DepositView
    GET    {name}/bridge/withdrawals?rollup=&limit=       -> [WithdrawalView]
    POST   {name}/bridge/withdrawals      MakeWithdrawal  -> WithdrawalView (201), Location
    GET    {name}/bridge/withdrawals/{id}                 -> WithdrawalView
    POST   {name}/bridge/withdrawals/{id}/continue  ContinueWithdrawal -> WithdrawalView
    GET    {name}/chaos?over=                             -> [FaultView]
    POST   {name}/chaos                   StartFault      -> FaultView (201), Location
    GET    {name}/chaos/{fault}                           -> FaultView
    DELETE {name}/chaos[/{fault}]                         -> [FaultView] | FaultView
    GET    /v1/chaos                                      -> [FaultKindView]
    GET    {name}/events?after=&limit=    Accept: application/json    -> [EventView]
    GET    {name}/events                  Accept: text/event-stream   -> SSE, `id:` is EventView.id,
                                                          `event:` its type, `data:` EventView
    POST   /v1/plan                       CreateDevnet    -> PlanView, touches nothing
    POST   /v1/validate                   CreateDevnet    -> ValidateResult, touches nothing
    GET    /v1/templates[/{template}]                     -> [TemplateView] | TemplateView
    GET    /health                                        -> Health
    GET    /ready                                         -> Health
    GET    /v1/runtime                                    -> DaemonView
    DELETE /v1/runtime                                    -> Health (202)

Every error is a :class:`control_plane.schemas.problem.ProblemDetail`.
"""
