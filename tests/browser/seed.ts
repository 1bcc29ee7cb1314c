// The five pieces of the reference frontend, word for word, as far as they are new code ("REMOVE" parts left out).
// One character was no TypeScript in the original: `try:` in the second piece stands here as `try {`.

// ---- strategies
const [strategies, setStrategies] = useState<Strategy[]>([]);
const [strategiesLoading, setStrategiesLoading] = useState(true);

useEffect(() => {
  const fetchStrategies = async () => {
    try {
      setStrategiesLoading(true);
      const response = await fetch('http://localhost:8080/api/strategies', {
        headers: {
          'Authorization': `Bearer ${authToken}`  // TODO: Get from auth context
        }
      });
      const data = await response.json();
      if (data.type === 'response') {
        setStrategies(data.data.strategies);
      }
    } catch (error) {
      console.error('Failed to load strategies:', error);
    } finally {
      setStrategiesLoading(false);
    }
  };

  fetchStrategies();
}, []);

// ---- symbols
const [symbols, setSymbols] = useState<Symbol[]>([]);
const [symbolsLoading, setSymbolsLoading] = useState(true);

useEffect(() => {
  const fetchSymbols = async () => {
    try {
      setSymbolsLoading(true);
      // Use new exchange endpoint (once created)
      const response = await fetch('http://localhost:8080/api/exchange/symbols');
      const data = await response.json();
      if (data.type === 'response') {
        setSymbols(data.data.symbols);
      }
    } catch (error) {
      console.error('Failed to load symbols:', error);
      // Fallback to config symbols
      const fallbackResponse = await fetch('http://localhost:8080/symbols');
      const fallbackData = await fallbackResponse.json();
      if (fallbackData.type === 'response') {
        setSymbols(fallbackData.data.symbols.map(s => ({ symbol: s, name: s, price: 0 })));
      }
    } finally {
      setSymbolsLoading(false);
    }
  };

  fetchSymbols();
}, []);

// ---- dataSessions
const [dataSessions, setDataSessions] = useState<DataSession[]>([]);
const [sessionsLoading, setSessionsLoading] = useState(false);

useEffect(() => {
  if (mode === 'backtest') {
    const fetchSessions = async () => {
      try {
        setSessionsLoading(true);
        const response = await fetch('http://localhost:8080/api/data-collection/sessions?limit=50');
        const data = await response.json();
        setDataSessions(data.sessions);
      } catch (error) {
        console.error('Failed to load data sessions:', error);
      } finally {
        setSessionsLoading(false);
      }
    };

    fetchSessions();
  }
}, [mode]);

// ---- start
const handleStartSession = async () => {
  try {
    setLoading(true);

    // Build session configuration
    const sessionConfig = {
      session_type: mode,
      symbols: selectedSymbols,
      strategy_config: {
        strategies: selectedStrategies
      },
      config: {
        budget: {
          global_cap: globalBudget,
          allocations: {}
        },
        stop_loss_percent: stopLoss,
        take_profit_percent: takeProfit,
        ...(mode === 'backtest' && {
          session_id: backtestSessionId,
          acceleration_factor: accelerationFactor
        })
      },
      idempotent: true
    };

    const response = await fetch('http://localhost:8080/sessions/start', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Authorization': `Bearer ${authToken}`,  // TODO: Get from auth context
        'X-CSRF-Token': csrfToken  // TODO: Get from auth context
      },
      body: JSON.stringify(sessionConfig)
    });

    const data = await response.json();

    if (data.type === 'response') {
      setCurrentSessionId(data.data.data.session_id);
      setIsSessionRunning(true);

      // Redirect to dashboard
      router.push('/dashboard');
    } else {
      console.error('Failed to start session:', data.error_message);
      alert(`Failed to start session: ${data.error_message}`);
    }
  } catch (error) {
    console.error('Failed to start session:', error);
    alert('Failed to start session. Please try again.');
  } finally {
    setLoading(false);
  }
};

// ---- stop
const handleStopSession = async () => {
  if (!currentSessionId) return;

  try {
    const response = await fetch('http://localhost:8080/sessions/stop', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Authorization': `Bearer ${authToken}`,
        'X-CSRF-Token': csrfToken
      },
      body: JSON.stringify({ session_id: currentSessionId })
    });

    const data = await response.json();

    if (data.type === 'response') {
      setIsSessionRunning(false);
      setCurrentSessionId(null);
    } else {
      console.error('Failed to stop session:', data.error_message);
      alert(`Failed to stop session: ${data.error_message}`);
    }
  } catch (error) {
    console.error('Failed to stop session:', error);
    alert('Failed to stop session. Please try again.');
  }
};
