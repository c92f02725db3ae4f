using System.Globalization;

namespace RftService.Api.Events;

/// <summary>
/// How far a reader of a run's stream has come; the `id` of every server-sent event. The stream is rebuilt from the tables, so the
/// cursor has one part for each of them and a reader who comes back misses nothing and gets nothing twice.
/// </summary>
/// <param name="EventSeq">Last event sent.</param>
/// <param name="MetricsAttempt">Attempt of the last metrics sent. It comes before the step: a new attempt writes again the steps after its checkpoint.</param>
/// <param name="MetricsStep">Step of the last metrics sent; -1 before the first, because step 0 is the evaluation before training.</param>
/// <param name="Status">Mark of the last status sent; empty before the first.</param>
internal readonly record struct StreamCursor(long EventSeq, int MetricsAttempt, int MetricsStep, string Status)
{
    // Far above what this code writes; only bounds what a client may send.
    private const int MaxLength = 120;

    public static StreamCursor Start => new(0, 0, -1, "");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{EventSeq}.{MetricsAttempt}.{MetricsStep}.{Status}");

    public static bool TryParse(string text, out StreamCursor cursor)
    {
        cursor = Start;
        var parts = text.Length <= MaxLength ? text.Split('.', 4) : [];
        if (parts.Length != 4
            || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var seq)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var attempt)
            || !int.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var step)
            || step < -1
            || !parts[3].All(c => char.IsAsciiLetterOrDigit(c) || c is '-'))
        {
            return false;
        }

        cursor = new StreamCursor(seq, attempt, step, parts[3]);
        return true;
    }
}
