namespace RftService.Engine.Rollouts;

/// <summary>One completion while it is sampled.</summary>
internal sealed class SampledRow(int prompt, int sample, int promptLength, int room, CompletionText text, TokenCounts? counts)
{
    private readonly List<int> _tokens = [];
    private readonly List<float> _logProbs = [];
    private StopReason? _stop;

    public int Prompt => prompt;

    public int Sample => sample;

    public int PromptLength => promptLength;

    /// <summary>Tokens it may have.</summary>
    public int Room => room;

    /// <summary>Tokens it has.</summary>
    public int Length => _tokens.Count;

    /// <summary>What it holds; null when no penalty is set.</summary>
    public TokenCounts? Counts => counts;

    public int LastToken => _tokens[^1];

    public bool Finished => _stop is not null;

    public void Add(int token, float logProb, IReadOnlySet<int> endOfText)
    {
        _tokens.Add(token);
        _logProbs.Add(logProb);
        counts?.Add(token);
        if (endOfText.Contains(token))
        {
            text.Finish();
            _stop = text.Stopped ? StopReason.StopText : StopReason.EndOfText;
            return;
        }

        text.Append(token);
        if (!text.Stopped && _tokens.Count >= room)
        {
            text.Finish();
            _stop = StopReason.Length;
        }

        if (text.Stopped)
        {
            _stop = StopReason.StopText;
        }
    }

    public string TakeText() => text.Take(Finished);

    public Rollout ToRollout() => new()
    {
        Tokens = _tokens,
        BehaviorLogProbs = _logProbs,
        Text = text.ToString(),
        Stop = _stop ?? throw new InvalidOperationException("The completion is not finished."),
    };
}
