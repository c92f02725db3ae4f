namespace RftService.Data.Runs;

/// <summary>The Postgres channel on which writers of a run wake its readers. The payload is the run's id; the news is in the tables.</summary>
public static class RunChannel
{
    public const string Name = "rft_runs";
}
