namespace RftService.Engine.Tokenization;

/// <summary>Decodes token by token. For one completion and one thread.</summary>
public sealed class StreamDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly DecodeSink _first;
    private readonly TextSink _text;
    private bool _finished;

    internal StreamDecoder(Tokenizer tokenizer, Decoding decoding, bool skipSpecialTokens)
    {
        (_tokenizer, _skipSpecialTokens) = (tokenizer, skipSpecialTokens);
        (_first, _text) = decoding.Open();
    }

    /// <summary>Adds a token.</summary>
    /// <returns>The text that has become certain: maybe empty, never half a character.</returns>
    /// <exception cref="InvalidOperationException">The decoder has been flushed.</exception>
    public string Append(int id)
    {
        RefuseWhenFlushed();
        Push(id);
        return _text.Take();
    }

    /// <summary>The rest, after the last token.</summary>
    /// <exception cref="InvalidOperationException">The decoder has been flushed before.</exception>
    public string Flush()
    {
        RefuseWhenFlushed();
        _finished = true;
        _first.Finish();
        return _text.Take();
    }

    // Models may be wider than their vocabulary; an id without a token has no text.
    internal void Push(int id)
    {
        if (_tokenizer.TokenText(id, _skipSpecialTokens) is { } token)
        {
            _first.Write(token);
            _first.EndToken();
        }
    }

    private void RefuseWhenFlushed()
    {
        if (_finished)
        {
            throw new InvalidOperationException("The decoder has been flushed; make a new one for another completion.");
        }
    }
}
