using System.Text;
using RftService.Engine.Tokenization;

namespace RftService.Engine.Rollouts;

/// <summary>The text of one completion while it grows: finds stop texts, which may begin in one token and end in another.</summary>
internal sealed class CompletionText(StreamDecoder decoder, IReadOnlyList<string> stops)
{
    private readonly StringBuilder _text = new();
    private readonly int _longestStop = stops.Select(stop => stop.Length).DefaultIfEmpty(0).Max();
    private int _given;

    /// <summary>True when a stop text has appeared; the text ends before it.</summary>
    public bool Stopped { get; private set; }

    public override string ToString() => _text.ToString();

    /// <summary>Adds a token that belongs to the text.</summary>
    public void Append(int token) => Grow(decoder.Append(token));

    /// <summary>Adds what the decoder holds back; after the last token.</summary>
    public void Finish()
    {
        if (!Stopped)
        {
            Grow(decoder.Flush());
        }
    }

    /// <summary>Text that has become certain since the last call.</summary>
    public string Take(bool finished)
    {
        var certain = finished ? _text.Length : _text.Length - StopBegun();
        var piece = _text.ToString(_given, certain - _given);
        _given = certain;
        return piece;
    }

    private void Grow(string piece)
    {
        if (piece.Length == 0)
        {
            return;
        }

        // A stop text that ends in this piece begins at most its own length before it.
        var from = Math.Max(0, _text.Length - _longestStop + 1);
        _text.Append(piece);
        var tail = _text.ToString(from, _text.Length - from);
        var first = stops.Select(stop => tail.IndexOf(stop, StringComparison.Ordinal)).Where(index => index >= 0).DefaultIfEmpty(-1).Min();
        if (first >= 0)
        {
            _text.Length = from + first;
            Stopped = true;
        }
    }

    // Length of the longest end of the text that a stop text begins with.
    private int StopBegun()
    {
        var tail = _text.ToString(Math.Max(_given, _text.Length - _longestStop), Math.Min(_text.Length - _given, _longestStop));
        for (var length = tail.Length; length > 0; length--)
        {
            if (stops.Any(stop => stop.AsSpan().StartsWith(tail.AsSpan(tail.Length - length))))
            {
                return length;
            }
        }

        return 0;
    }
}
