namespace RftService.Worker.Training;

/// <summary>Runs an action to its end on a thread of its own: dispose scopes, grad mode and OpenMP's thread count all belong to a thread.</summary>
internal static class TrainingThread
{
    private const int StackBytes = 16 << 20;

    public static Task RunAsync(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(
            () =>
            {
                try
                {
                    action();
                    done.SetResult();
                }
#pragma warning disable CA1031 // Carried over to the awaiting job, which knows each kind.
                catch (Exception fault)
#pragma warning restore CA1031
                {
                    done.SetException(fault);
                }
            },
            StackBytes)
        { IsBackground = true, Name = "training" };
        thread.Start();
        return done.Task;
    }
}
