using System.IO.Pipelines;

namespace RftService.Api.Datasets;

/// <summary>Pumps a body through the scanner, and into a file as long as it is sound.</summary>
internal static class DatasetReader
{
    /// <summary>Reads to the end.</summary>
    /// <param name="body">The raw JSONL.</param>
    /// <param name="scanner">Sees every byte.</param>
    /// <param name="report">The scanner's report.</param>
    /// <param name="target">Receives the bytes; null to store nothing.</param>
    /// <param name="limit">Bytes at most.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <returns>False when the body is longer than the limit; the rest of it is not read.</returns>
    public static async Task<bool> ReadAsync(
        PipeReader body, DatasetScanner scanner, DatasetReport report, IncomingDataset? target, long limit, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await NextAsync(body, cancellation);
            if (scanner.Bytes + read.Buffer.Length > limit)
            {
                body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                return false;
            }

            foreach (var piece in read.Buffer)
            {
                scanner.Feed(piece);
                if (target is not null && report.Total == 0)
                {
                    await target.WriteAsync(piece, cancellation);
                }
            }

            // Everything is taken, half lines too: the scanner keeps them, so the pipe never waits for a line's end.
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                scanner.Complete();
                return true;
            }
        }
    }

    // Only what the client's side breaks is the client's fault: a full disk must not answer 400.
    private static async ValueTask<ReadResult> NextAsync(PipeReader body, CancellationToken cancellation)
    {
        try
        {
            return await body.ReadAsync(cancellation);
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException)
        {
            throw new BadHttpRequestException("The upload broke off before its end: send it again.", fault);
        }
    }
}
