namespace RftService.Worker.Queue;

/// <summary>The run belongs to another claim now: stop, and write nothing more.</summary>
internal sealed class LeaseLostException(Guid runId, int attempt) : Exception($"Attempt {attempt} of run {runId} lost its lease.");
