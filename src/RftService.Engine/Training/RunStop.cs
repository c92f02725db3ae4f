namespace RftService.Engine.Training;

/// <summary>The ways to stop a run before its end.</summary>
/// <param name="Cancel">The run shall end. An update under way is finished, and what was trained is kept in a checkpoint.</param>
/// <param name="Pause">The run shall rest after the step under way, kept in a checkpoint from which it goes on.</param>
/// <param name="Abort">This attempt shall end, at the next micro-batch or token; another one goes on from the last checkpoint.</param>
public readonly record struct RunStop(CancellationToken Cancel, CancellationToken Pause, CancellationToken Abort);
