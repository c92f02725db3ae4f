// Hangfire's configuration is one for the process, so workers of different tests must not live at once.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
